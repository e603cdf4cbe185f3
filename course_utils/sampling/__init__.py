"""What every sequence generator can be asked for: samples, likelihoods, relaxed samples and rollouts.

The functions speak only the protocol of `course_utils.models.sequence.SequenceGenerator`, so they serve recurrent
generators and Transformers alike. Random numbers are a function of ``seed`` alone.
"""

from course_utils.sampling.draw import draw_tokens, keep_top
from course_utils.sampling.likelihood import counted_positions, log_prob
from course_utils.sampling.prefixes import complete
from course_utils.sampling.rollouts import rollout
from course_utils.sampling.sentences import sample
from course_utils.sampling.soft import pad_after_end, soft_argmax_sentences, soft_sample, soft_sentences

__all__ = [
    "complete",
    "counted_positions",
    "draw_tokens",
    "keep_top",
    "log_prob",
    "pad_after_end",
    "rollout",
    "sample",
    "soft_argmax_sentences",
    "soft_sample",
    "soft_sentences",
]
