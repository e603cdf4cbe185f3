"""NLL_div: how varied a generator writes, as its own sentences' likelihood says it."""

from __future__ import annotations

from course_utils.metrics.perplexity import perplexity
from course_utils.sampling import sample


def nll_div(generator, *, samples: int, length: int, temperature: float = 1.0, seed) -> float:
    """Return the mean negative log-likelihood of a generator's own samples: an estimate of its entropy per token.

    The smaller, the more its sentences are alike; 0 for a generator that always writes the same one. It says nothing
    about quality. NLL_gen, of real sentences, is ``perplexity(generator, real, temperature=...).nll_per_token``.

    Args:
        generator: a `course_utils.models.sequence.SequenceGenerator`.
        samples: how many sentences it writes, at least 1.
        length: tokens of a sentence at most; what is cut there has no end token.
        temperature: above 0; it writes and is judged with softmax(logits / temperature).
        seed: of the samples, a whole number or an int32 tensor (2,).

    Returns:
        A float of at least 0, in nats; the mean over all tokens, end tokens included.

    Raises:
        ValueError: if a number is not positive, or a log-probability is NaN.

    Example:
        >>> from course_utils.models.recurrent import RecurrentGenerator
        >>> generator = RecurrentGenerator(8, embedding_dim=4, hidden_dim=4)
        >>> generator.set_weights([0 * weight for weight in generator.get_weights()])  # all tokens equally probable
        >>> round(nll_div(generator, samples=10, length=5, seed=1), 4)  # log 8
        2.0794

    Source: Liu et al. 2020, "CatGAN: category-aware generative adversarial networks with hierarchical evolutionary
    learning for category text generation", where it is summed over a sentence's tokens; here it is their mean.
    """
    tokens = sample(generator, samples, length, temperature=temperature, seed=seed)
    return perplexity(generator, tokens.numpy(), temperature=temperature).nll_per_token
