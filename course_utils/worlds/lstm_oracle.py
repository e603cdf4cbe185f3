"""The LSTM oracle of the SeqGAN benchmark: a language whose every conditional probability is known, at scale.

An LSTM with random weights is declared to be the truth. Its sentences are the data, and whatever a generator writes
can be scored under it. Only the weights are here; `course_utils.models.lstm_oracle` makes them a generator.

Used by lesson 11.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np

from course_utils.runtime import replacing

# The axes of every array, in the order of the draws: V words, E numbers an embedding, H hidden units.
AXES = {
    "embedding": "VE",
    **{f"w_{gate}": "EH" for gate in "ifoc"},
    **{f"u_{gate}": "HH" for gate in "ifoc"},
    **{f"b_{gate}": "H" for gate in "ifoc"},
    "w_out": "HV",
    "b_out": "V",
}
EXPECTED = (
    "Expected: embedding (V, E); w_i, w_f, w_o, w_c (E, H); u_i, u_f, u_o, u_c (H, H); b_i, b_f, b_o, b_c (H,); "
    "w_out (H, V); b_out (V,); and, if it is not 0, start_token, a whole number"
)


@dataclasses.dataclass(frozen=True, eq=False)
class OracleWeights:
    """The weights of an LSTM language model, as named arrays.

    With x_t the embedding of the token before, h and c zero at first, and σ the logistic function:
    i, f, o = σ(x w + h u + b), each with its own w, u and b; c = f c + i tanh(x w_c + h u_c + b_c); h = o tanh(c);
    the next token's logits are h w_out + b_out. The forget gate's bias is b_f as it stands: nothing is added.

    Args:
        embedding: (V, E), a row a word.
        w_i, w_f, w_o, w_c: (E, H), from the embedding to input gate, forget gate, output gate and candidate.
        u_i, u_f, u_o, u_c: (H, H), from the last hidden output to the same.
        b_i, b_f, b_o, b_c: (H,), their biases.
        w_out: (H, V).
        b_out: (V,).
        start_token: the first input, which in this benchmark is an ordinary word too.

    The arrays are kept as read-only float32 copies.

    Raises:
        ValueError: if arrays do not fit together, are no floats or hold a value that is not finite; names them all.

    Example:
        >>> weights = OracleWeights.draw(seed=0)
        >>> weights.embedding.shape, weights.w_out.shape
        ((5000, 32), (32, 5000))

    Source: Yu et al. 2017, "SeqGAN: sequence generative adversarial nets with policy gradient", section "Synthetic
    data experiments"; the LSTM is Hochreiter & Schmidhuber's with the forget gate of Gers et al. 2000.
    """

    embedding: np.ndarray
    w_i: np.ndarray
    w_f: np.ndarray
    w_o: np.ndarray
    w_c: np.ndarray
    u_i: np.ndarray
    u_f: np.ndarray
    u_o: np.ndarray
    u_c: np.ndarray
    b_i: np.ndarray
    b_f: np.ndarray
    b_o: np.ndarray
    b_c: np.ndarray
    w_out: np.ndarray
    b_out: np.ndarray
    start_token: int = 0

    def __post_init__(self) -> None:
        arrays = {name: np.asarray(getattr(self, name)) for name in AXES}
        _check_arrays(arrays)
        for name, array in arrays.items():
            kept = array.astype(np.float32)  # a copy: what a caller did to his own array would change the language
            kept.setflags(write=False)
            object.__setattr__(self, name, kept)
        object.__setattr__(self, "start_token", _checked_start(self.start_token, self.vocabulary_size))

    @property
    def vocabulary_size(self) -> int:
        """V."""
        return len(self.embedding)

    @classmethod
    def draw(
        cls, seed: int, vocabulary_size: int = 5_000, embedding_dim: int = 32, hidden_dim: int = 32
    ) -> OracleWeights:
        """Draw every weight and bias from N(0, 1), as the benchmark does; the start token is 0.

        The numbers come from NumPy's PCG64, array after array in the order of the arguments of the class, so the same
        seed and sizes give the same language on every machine. NumPy keeps the right to change its draws one day;
        `checksum` would tell.

        Args:
            seed: a non-negative integer; the course's oracle has seed 0.
            vocabulary_size: V.
            embedding_dim: E.
            hidden_dim: H.

        Raises:
            ValueError: if the seed is negative or a size is no whole number of at least 1.

        Example:
            >>> OracleWeights.draw(seed=0, vocabulary_size=3, embedding_dim=2, hidden_dim=4).b_i.shape
            (4,)
        """
        sizes = {"vocabulary_size": vocabulary_size, "embedding_dim": embedding_dim, "hidden_dim": hidden_dim}
        for name, size in sizes.items():
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(f"{name} must be a whole number of at least 1. Received: {size!r}.")
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"seed must be a non-negative integer. Received: {seed!r}.")
        random = np.random.Generator(np.random.PCG64(seed))
        of_axis = dict(zip("VEH", sizes.values(), strict=True))
        # Drawn in float64 and rounded: the last digit of a logarithm, which may differ between machines, is lost so.
        return cls(**{name: random.standard_normal([of_axis[axis] for axis in axes]) for name, axes in AXES.items()})

    @classmethod
    def load(cls, path: str | os.PathLike) -> OracleWeights:
        """Read weights from an ``.npz`` file of named arrays, such as `save` or ``np.savez`` writes.

        Args:
            path: an archive with the arrays of this class under their names, of any float type, and if the first input
                is another word than 0, its id as ``start_token``.

        Raises:
            FileNotFoundError: if the file does not exist.
            ValueError: naming the file, if it is no such archive or is damaged, and naming every array that is
                missing, unknown, misshapen, not of floats, or not finite, with what was expected.

        Example:
            >>> OracleWeights.load("oracle.npz").vocabulary_size  # doctest: +SKIP
            5000
        """
        path = pathlib.Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"The oracle's file {str(path)!r} does not exist. Check the path.")
        if not zipfile.is_zipfile(path):
            raise ValueError(f"{path} is not an .npz archive, or is truncated. {EXPECTED}. Write it with np.savez.")
        try:
            with np.load(path, allow_pickle=False) as archive:
                _check_names(archive.files)
                return cls(**{name: archive[name] for name in archive.files})
        # An encrypted archive is a RuntimeError, an array that claims to be enormous a MemoryError.
        except (OSError, ValueError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path} is no oracle: {error}") from None

    def save(self, path: str | os.PathLike) -> None:
        """Write the weights as an ``.npz`` file that `load` reads.

        Example:
            >>> OracleWeights.draw(seed=0).save("oracle.npz")  # doctest: +SKIP
        """
        # Through a stream, or NumPy would append a suffix to a path without one.
        with replacing(path) as part, part.open("wb") as stream:
            np.savez(stream, **self._arrays(), start_token=np.int64(self.start_token))

    def checksum(self) -> str:
        """Return a sha256, in hexadecimal, over names, shapes and little-endian float32 bytes, and the start token.

        Two oracles with the same checksum are the same language; a measurement is stored with it.

        Example:
            >>> OracleWeights.draw(seed=0).checksum()[:16]
            'd3570358941fe319'
        """
        digest = hashlib.sha256(f"start_token {self.start_token}\n".encode())
        for name, array in self._arrays().items():
            digest.update(f"{name} {array.shape}\n".encode())
            digest.update(array.astype("<f4").tobytes())
        return digest.hexdigest()

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: getattr(self, name) for name in AXES}


def _check_names(names: list[str]) -> None:
    missing = [name for name in AXES if name not in names]
    unknown = [name for name in names if name not in AXES and name != "start_token"]
    problems = [
        f"{kind} {', '.join(found)}" for kind, found in (("without", missing), ("with unknown", unknown)) if found
    ]
    if problems:
        raise ValueError(f"{EXPECTED}. Received: an archive {' and '.join(problems)}.")


def _check_arrays(arrays: Mapping[str, np.ndarray]) -> None:
    """Raise a ValueError that names every array of another type or shape, or with a value that is not finite."""
    # The sizes are read off two arrays; if one of these is wrong, all that depends on it is named.
    shapes = [arrays["embedding"].shape, arrays["b_i"].shape]
    if [len(shape) for shape in shapes] != [2, 1] or 0 in shapes[0] + shapes[1]:
        raise ValueError(
            f"{EXPECTED}, none of V, E and H 0. Received: embedding of shape {shapes[0]} and b_i of shape {shapes[1]}."
        )
    size = dict(zip("VEH", shapes[0] + shapes[1], strict=True))
    problems = []
    for name, array in arrays.items():
        shape = tuple(size[axis] for axis in AXES[name])
        if array.dtype.kind != "f":
            problems.append(f"{name} of type {array.dtype} instead of float32")
        elif array.shape != shape:
            problems.append(f"{name} of shape {array.shape} instead of {shape}")
        # Also beyond float32's range, in which the weights are kept.
        elif not (np.abs(array) <= np.finfo(np.float32).max).all():
            problems.append(f"{name} with values that are not finite in float32")
    if problems:
        found = ", ".join(f"{axis}={number}" for axis, number in size.items())
        raise ValueError(f"{EXPECTED}. By embedding and b_i, {found}. Received: {'; '.join(problems)}.")


def _checked_start(start_token, vocabulary_size: int) -> int:
    token = np.asarray(start_token)
    if token.shape != () or token.dtype.kind not in "iu" or not 0 <= token < vocabulary_size:
        received = repr(start_token) if token.shape == () else f"{token.dtype} {token.shape}"
        raise ValueError(f"start_token must be a whole number from 0 to {vocabulary_size - 1}. Received: {received}.")
    return int(token)
