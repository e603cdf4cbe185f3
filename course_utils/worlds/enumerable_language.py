"""A language so small that all its sentences can be written down, each with its exact probability.

Whatever a text GAN's loss, estimator or metric says about a generator can be held against the truth here: both
distributions are lists of numbers, so D*, the divergences and the gradient of the expected reward are sums.

Used by lessons 08 and 09.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import numpy as np
from scipy import special

from course_utils.worlds.all_sentences import AllSentences
from course_utils.worlds.divergences import (
    game_value,
    js_divergence,
    kl_divergence,
    optimal_discriminator,
    total_variation,
)

# What part of every conditional distribution is uniform: 0.05 / V is the least that any next token can have.
UNIFORM_SHARE = 0.05


class EnumerableLanguage(AllSentences):
    """A random Markov source: the next token depends on the last ``order`` tokens, and on nothing else.

    For every context there is one table of next-token probabilities, 95 % a draw from a symmetric Dirichlet
    distribution and 5 % uniform. So the language has structure that a model can miss (a bigram model cannot write a
    language of order 2), it is far from uniform, and yet every sentence has a positive probability: all divergences
    are finite. The first tokens, which have fewer before them, have tables of their own.

    Args:
        vocabulary_size: V, at least 2.
        length: T, tokens a sentence, at least 1; V^T may be up to 20,000.
        order: how many tokens back the source looks, at least 0. From T − 1 on it sees the whole prefix.
        concentration: of the Dirichlet distribution, positive. The smaller, the surer the next token: at 0.2 and
            V = 5 the likeliest one has about 0.7 in the mean over contexts, at 100 about 1/V.
        seed: of the tables, a non-negative integer; equal seeds give equal languages.

    Attributes:
        vocabulary_size, length, sentences, place_values: as `AllSentences`.
        start_token: 0, as in SeqGAN's oracle: the generators' first input, and an ordinary word too.
        end_token: None: every sentence fills its length.
        conditionals: T float64 arrays, entry t (V^t, V): p_data(next token | prefix), a row a prefix of t tokens in
            lexicographic order.
        p_data: float64 (V^T,), the probability of each of `sentences`.
        entropy: of p_data, in nats a sentence: what the best model's cross-entropy comes to.

    Raises:
        ValueError: if an argument is outside these limits.

    Example:
        >>> language = EnumerableLanguage()
        >>> language.sentences.shape, round(language.entropy, 2)  # if all were equally likely, log 625 = 6.44
        ((625, 4), 3.58)
    """

    def __init__(
        self,
        vocabulary_size: int = 5,
        length: int = 4,
        *,
        order: int = 2,
        concentration: float = 0.2,
        seed: int = 0,
    ) -> None:
        super().__init__(vocabulary_size, length)
        self.start_token, self.end_token = 0, None
        if not isinstance(order, numbers.Integral) or order < 0:
            raise ValueError(f"order must be a whole number of at least 0. Received: {order!r}.")
        if not (np.isfinite(concentration) and concentration > 0):
            raise ValueError(f"concentration must be positive and finite. Received: {concentration!r}.")
        random = np.random.default_rng(seed)
        self.conditionals = []
        for t in range(length):
            if t <= order:
                drawn = random.dirichlet(np.full(vocabulary_size, concentration), size=vocabulary_size**t)
                rows = (1 - UNIFORM_SHARE) * drawn + UNIFORM_SHARE / vocabulary_size
            else:
                # The last tokens of a prefix vary fastest: the same contexts come again and again.
                rows = np.tile(self.conditionals[order], (vocabulary_size ** (t - order), 1))
            self.conditionals.append(rows)
        p = np.ones(1)  # of the empty prefix
        for rows in self.conditionals:
            p = (p[:, None] * rows).ravel()
        self.p_data = p
        self.entropy = float(special.entr(p).sum())

    def conditional(self, prefix: Sequence[int]) -> np.ndarray:
        """Return p_data(· | prefix), what the language says next.

        Args:
            prefix: up to T − 1 ids, without a start token; an empty one asks for the first token.

        Returns:
            float64 (V,), of sum 1.

        Raises:
            ValueError: if the prefix is too long, or an id none of the vocabulary's.

        Example:
            >>> EnumerableLanguage(vocabulary_size=3).conditional([2, 0]).round(3)
            array([0.02 , 0.075, 0.905])
        """
        prefix = list(prefix)
        if len(prefix) >= self.length:
            raise ValueError(f"The prefix must have at most {self.length - 1} tokens. Received: {prefix}.")
        sentence = self.index(prefix + [0] * (self.length - len(prefix)))
        return self.conditionals[len(prefix)][sentence // self.vocabulary_size ** (self.length - len(prefix))]

    def sample(self, n: int, seed: int | np.random.Generator) -> np.ndarray:
        """Draw independent sentences of the language.

        Args:
            n: how many.
            seed: a non-negative integer, or a NumPy generator that goes on from where it is.

        Returns:
            int32 (n, T).

        Example:
            >>> EnumerableLanguage().sample(2, seed=0).shape
            (2, 4)
        """
        rows = np.random.default_rng(seed).choice(len(self.sentences), size=n, p=self.p_data)
        return self.sentences[rows]

    def report(self, generator) -> dict[str, float]:
        """Return how far a generator is from the language, exactly.

        Args:
            generator: a generator of the course's protocol.

        Returns:
            In nats a sentence, unless it says otherwise: ``kl_data_model`` KL(p_data‖p_g), the likelihood's;
            ``kl_model_data`` KL(p_g‖p_data); ``jsd`` at most log 2; ``total_variation`` from 0 to 1; ``entropy`` of
            p_g; ``game_value`` V(D*, G), at least −log 4.

        Raises:
            ValueError: if the generator has another vocabulary size, or an end token.

        Example:
            >>> from course_utils.models.recurrent import RecurrentGenerator
            >>> generator = RecurrentGenerator(5, start_token=0, end_token=None)
            >>> report = EnumerableLanguage().report(generator)
            >>> sorted(report)
            ['entropy', 'game_value', 'jsd', 'kl_data_model', 'kl_model_data', 'total_variation']
            >>> bool(np.isclose(report["game_value"], 2 * report["jsd"] - np.log(4)))
            True

        Source: Goodfellow et al. 2014, theorem 1, for the last.
        """
        p_g = self.probabilities(generator)
        return {
            "kl_data_model": kl_divergence(self.p_data, p_g),
            "kl_model_data": kl_divergence(p_g, self.p_data),
            "jsd": js_divergence(self.p_data, p_g),
            "total_variation": total_variation(self.p_data, p_g),
            "entropy": float(special.entr(p_g).sum()),
            "game_value": game_value(self.p_data, p_g, optimal_discriminator(self.p_data, p_g)),
        }

    def prefix_report(self, generator) -> dict[str, np.ndarray]:
        """Return how wrong a generator's next token is, after the data's prefixes and after its own.

        Training by likelihood shows the generator the data's prefixes only, and sampling gives it its own: the
        difference of the two curves is exposure bias, here without sampling error.

        Args:
            generator: a generator of the course's protocol.

        Returns:
            ``data_prefixes`` and ``model_prefixes``, each float64 (T,): at position t the mean of
            KL(p_data(· | prefix)‖p_g(· | prefix)) over prefixes of t tokens from p_data, or from p_g, in nats. The
            first sums to KL(p_data‖p_g) over the positions (the chain rule), and at t = 0 the two are the same.

        Raises:
            ValueError: if the generator has another vocabulary size, or an end token.

        Example:
            >>> from course_utils.models.recurrent import RecurrentGenerator
            >>> generator, language = RecurrentGenerator(5, start_token=0, end_token=None), EnumerableLanguage()
            >>> report = language.prefix_report(generator)
            >>> bool(np.isclose(report["data_prefixes"].sum(), language.report(generator)["kl_data_model"]))
            True

        Source: Ranzato et al. 2016, "Sequence level training with recurrent neural networks", for the term; the
        measure is the chain rule of KL, with the prefixes' distribution exchanged.
        """
        model = [rows.numpy() for rows in self.conditional_log_probabilities(generator)]
        # By logarithms: a probability of the model may round to 0, and every one of the language's is positive.
        step_kl = [(p * (np.log(p) - log_q)).sum(axis=1) for p, log_q in zip(self.conditionals, model, strict=True)]
        means = {}
        for name, probabilities in (("data_prefixes", self.p_data), ("model_prefixes", self.probabilities(generator))):
            weights = self.prefix_probabilities(probabilities)
            means[name] = np.array([weight @ kl for weight, kl in zip(weights, step_kl, strict=True)])
        return means
