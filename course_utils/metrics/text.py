"""Measures of generated text, in one place. None is enough alone: each of them can be fooled.

Quality: `sentence_bleu`, `corpus_bleu`. Variety: `self_bleu`, `distinct_n`, `ngram_entropy`, `nll_div`. Both at once:
`backward_bleu`, `ms_jaccard`, `ngram_jsd`, `frechet_embedding_distance`, `reverse_perplexity`. Copies of the training
text: `ngram_novelty`, `longest_copied_span`. With a known truth: `course_utils.metrics.oracle.judge`. Perplexity under
a model of real text (forward): `CourseLanguageModel.perplexity`.

What counts n-grams takes lists of tokens or arrays of ids, as `read_sentences` says; what asks the course's language
model takes strings, since that has a vocabulary of its own; what trains or asks a generator takes arrays of its ids.
"""

from course_utils.metrics.bleu import backward_bleu, corpus_bleu, self_bleu, sentence_bleu
from course_utils.metrics.course_language_model import CourseLanguageModel, load_course_language_model
from course_utils.metrics.embedding_distance import frechet_embedding_distance, sentence_embeddings
from course_utils.metrics.memorisation import longest_copied_span, ngram_novelty
from course_utils.metrics.nll_div import nll_div
from course_utils.metrics.perplexity import perplexity
from course_utils.metrics.reverse_perplexity import reverse_perplexity
from course_utils.metrics.text_distances import distinct_n, ms_jaccard, ngram_entropy, ngram_jsd
from course_utils.metrics.text_ngrams import read_sentences

__all__ = [
    "CourseLanguageModel",
    "backward_bleu",
    "corpus_bleu",
    "distinct_n",
    "frechet_embedding_distance",
    "load_course_language_model",
    "longest_copied_span",
    "ms_jaccard",
    "ngram_entropy",
    "ngram_jsd",
    "ngram_novelty",
    "nll_div",
    "perplexity",
    "read_sentences",
    "reverse_perplexity",
    "self_bleu",
    "sentence_bleu",
    "sentence_embeddings",
]
