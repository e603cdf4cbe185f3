"""The course's data and the learner's own, one loader a file.

Every loader of a bundled file looks in its ``directory`` argument, then in ``COURSE_DATA``, then in the
repository, compares the file's checksum once per process, and returns a small object with the arrays or
lists, a `Card` (``.card``) and ``.batches(batch_size, seed=...)``, a `tf.data.Dataset`. A `Vocabulary` turns
sentences into token ids and back.
"""

from course_utils.datasets.card import Card
from course_utils.datasets.english import load_english
from course_utils.datasets.fashion import load_fashion_mnist
from course_utils.datasets.mnist import load_mnist
from course_utils.datasets.names import load_names
from course_utils.datasets.own import load_image_file, load_image_folder, load_sentences
from course_utils.datasets.parallel import load_pairs
from course_utils.datasets.quatrains import load_quatrains
from course_utils.datasets.sentiment import load_sentiment, load_tweets
from course_utils.datasets.vectors import load_vectors
from course_utils.datasets.vocabulary import END, PADDING, START, UNKNOWN, Vocabulary

__all__ = [
    "END",
    "PADDING",
    "START",
    "UNKNOWN",
    "Card",
    "Vocabulary",
    "load_english",
    "load_fashion_mnist",
    "load_image_file",
    "load_image_folder",
    "load_mnist",
    "load_names",
    "load_pairs",
    "load_quatrains",
    "load_sentences",
    "load_sentiment",
    "load_tweets",
    "load_vectors",
]
