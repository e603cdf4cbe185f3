"""What a generator of English sentences is judged by, at one temperature."""

from __future__ import annotations

LENGTH = 12  # tokens of a sentence, its end included; nine in ten sentences have no more
ORDERS = (2, 3, 4, 5)


class Judge:
    """Holds sentences against real ones that nobody has learned from.

    Args:
        corpus: a `course_utils.train.corpus.Corpus`, in whose vocabulary the sentences are written.
        real: the split of `load_english` to compare with, ``"valid"`` or ``"test"``.
        samples: sentences in each set of n-grams and embeddings, at least 512.
        learned: sentences that the language model of the reverse perplexity learns from, at least 128.
    """

    def __init__(self, corpus, real: str, samples: int, learned: int):
        from course_utils.datasets import load_english
        from course_utils.metrics.course_language_model import load_course_language_model

        vocabulary = corpus.vocabulary
        fitting = [s for s in load_english(real).sentences if len(vocabulary.tokens(s)) < LENGTH]
        self.vocabulary, self.training = vocabulary, corpus.training
        self.real = vocabulary.encode(fitting, LENGTH)  # int32 (N, LENGTH)
        self.samples, self.learned = samples, learned
        self.language_model = load_course_language_model()

    def of_generator(self, generator, temperature: float, seed: int) -> dict:
        """Return all measures of what a generator writes at a temperature, and its likelihood of real sentences.

        A network whose sentences follow from codes has no likelihood that could be computed: two measures are missing.
        """
        from course_utils.metrics.text import nll_div, perplexity
        from course_utils.models.latent_recurrent import LatentGenerator
        from course_utils.sampling import sample

        count = max(self.samples, self.learned)
        tokens = sample(generator, count, LENGTH, temperature=temperature, seed=[seed, 1]).numpy()
        if isinstance(generator, LatentGenerator):
            return self.of_sentences(tokens, seed)
        own = {
            "nll_gen": perplexity(generator, self.real, temperature=temperature).nll_per_token,
            "nll_div": nll_div(generator, samples=count, length=LENGTH, temperature=temperature, seed=[seed, 2]),
        }
        return {name: round(value, 5) for name, value in own.items()} | self.of_sentences(tokens, seed)

    def of_sentences(self, tokens, seed: int) -> dict:
        """Return the measures of sentences, int32 (N, LENGTH), N the larger of ``samples`` and ``learned``."""
        from course_utils.metrics import text

        some, real = tokens[: self.samples], self.real[: self.samples]
        texts, known = self.vocabulary.decode(some), {tuple(row) for row in self.training.tolist()}
        reverse = text.reverse_perplexity(
            tokens[: self.learned], self.real, vocabulary_size=len(self.vocabulary), seed=seed
        )
        measured = {
            **{f"bleu_{n}": text.sentence_bleu(some, real, max_n=n).mean() for n in ORDERS},
            **{f"self_bleu_{n}": text.self_bleu(some, max_n=n) for n in ORDERS},
            "backward_bleu_4": text.backward_bleu(some, real),
            "ms_jaccard_4": text.ms_jaccard(some, real),
            "distinct_2": text.distinct_n(some, 2),
            "novelty_4": text.ngram_novelty(some, self.training, 4),
            "copied": sum(tuple(row) in known for row in some.tolist()) / len(some),
            "forward_nll": self.language_model.perplexity(texts).nll_per_token,
            "reverse_nll": reverse.nll_per_token,
            "embedding_distance": text.frechet_embedding_distance(
                texts, self.vocabulary.decode(real), model=self.language_model
            ),
        }
        return {name: round(float(value), 5) for name, value in measured.items()}
