"""LeakGAN's networks and its training step in plain PyTorch, to be timed against.

Run by ``python -m course_utils benchmark speed leakgan --peer PYTHON`` with a Python that has PyTorch 2.13 (CPU). It
reads the name of a contestant and a number a line, and answers with the seconds of a call; for one of the `CHECKS` it
answers with a number that must be ours too. The course does not depend on it. As in public implementations, the
features of an unfinished sentence are the whole discriminator's of the sentence filled up with padding; but a
completion goes on from the kept state of its prefix, where those read the prefix again.
"""

import math
import sys
import time

import torch
from torch.nn import functional

VOCABULARY, LENGTH, BATCH, ROLLOUTS, START = 5_000, 20, 64, 4, 0
EMBEDDING, HIDDEN, GOAL, HORIZON, SHARPNESS = 32, 32, 16, 4, 16.0
JUDGE_EMBEDDING, DROPOUT, L2 = 64, 0.25, 0.05
WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
FILTERS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)
ROUNDS, EPOCHS, ROUND_SENTENCES = 5, 3, 96
GENERATOR_RATE, DISCRIMINATOR_RATE, CLIP = 1.5e-3, 5e-5, 100.0  # 5 for means over the tokens
CHECK_ROWS = 4
FEATURES = sum(FILTERS)


class Discriminator(torch.nn.Module):
    """Convolutions, the maximum over time, a highway layer, dropout, one logit."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, JUDGE_EMBEDDING)
        self.convolutions = torch.nn.ModuleList(
            torch.nn.Conv1d(JUDGE_EMBEDDING, filters, width) for width, filters in zip(WIDTHS, FILTERS, strict=True)
        )
        self.gate = torch.nn.Linear(FEATURES, FEATURES)
        self.transform = torch.nn.Linear(FEATURES, FEATURES)
        self.dropout = torch.nn.Dropout(DROPOUT)
        self.last = torch.nn.Linear(FEATURES, 1)

    def features(self, tokens):
        x = self.embedding(tokens).transpose(1, 2)
        a = torch.cat([torch.relu(convolution(x).amax(dim=2)) for convolution in self.convolutions], dim=1)
        t = torch.sigmoid(self.gate(a))
        return t * torch.relu(self.transform(a)) + (1 - t) * a

    def forward(self, tokens):
        return self.last(self.dropout(self.features(tokens)))[:, 0]


class Generator(torch.nn.Module):
    """A manager that reads the discriminator's features, a worker that reads tokens, and their product."""

    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, EMBEDDING)
        self.worker = torch.nn.LSTM(EMBEDDING, HIDDEN, batch_first=True)
        self.psi = torch.nn.Linear(FEATURES, GOAL, bias=False)
        self.manager = torch.nn.LSTM(FEATURES, HIDDEN, batch_first=True)
        self.goal = torch.nn.Linear(HIDDEN, FEATURES)
        self.output = torch.nn.Linear(HIDDEN * GOAL, VOCABULARY)
        for lstm in (self.worker, self.manager):  # one bias is enough
            torch.nn.init.zeros_(lstm.bias_hh_l0).requires_grad_(False)

    def initial(self, rows):
        zeros = torch.zeros(rows, HIDDEN)
        return [zeros, zeros, zeros, zeros, *[torch.zeros(rows, GOAL)] * HORIZON]

    def step(self, token, features, state):
        """Read one token and the features of what is written; return logits (R, V) and the state after it."""
        hidden, cell, of_manager, cell_of_manager, *goals = state
        _, worker = self.worker(self.embedding(token)[:, None], (hidden[None], cell[None]))
        _, manager = self.manager(features[:, None], (of_manager[None], cell_of_manager[None]))
        goal = functional.normalize(self.goal(manager[0][0]), dim=1)
        goals = [*goals[1:], self.psi(goal)]
        logits = self.choose(worker[0][0], sum(goals))
        return logits, [worker[0][0], worker[1][0], manager[0][0], manager[1][0], *goals]

    def choose(self, hidden, projected):
        return self.output((hidden[..., :, None] * projected[..., None, :]).flatten(-2))

    def forward(self, sentences, features):
        """Return logits (B, T, V) and goals (B, T, F) for features (B, T + 1, F)."""
        inputs = torch.cat([torch.full_like(sentences[:, :1], START), sentences[:, :-1]], dim=1)
        hidden, _ = self.worker(self.embedding(inputs))
        goals = functional.normalize(self.goal(self.manager(features[:, :-1])[0]), dim=2)
        projected = self.psi(goals.detach())
        summed = sum(functional.pad(projected, (0, 0, back, 0))[:, :LENGTH] for back in range(HORIZON))
        return self.choose(hidden, summed), goals


@torch.no_grad()
def prefix_features(judge, sentences):
    """Return the features of the first 0 … T tokens, (B, T + 1, F)."""
    prefixes = sentences[:, None] * torch.ones(LENGTH + 1, LENGTH, dtype=torch.long).tril(-1)
    return judge.features(prefixes.flatten(0, 1)).view(len(sentences), LENGTH + 1, FEATURES)


@torch.no_grad()
def write(model, judge, tokens, first, state, draw=True):
    """Draw the tokens from position ``first`` on; return the states before each, and all log-probabilities."""
    states, log_probs = [], []
    for position in range(first, LENGTH):
        states.append(state)
        token = tokens[:, position - 1] if position else torch.full_like(tokens[:, 0], START)
        written = tokens.clone()
        written[:, position:] = 0
        logits, state = model.step(token, judge.features(written), state)
        if draw:
            tokens[:, position] = torch.multinomial(torch.softmax(logits, dim=1), 1)[:, 0]
        else:
            log_probs.append(torch.log_softmax(logits, dim=1).gather(1, tokens[:, position, None]))
    return states, log_probs


def sampling(model, judge, count):
    tokens = torch.zeros(count, LENGTH, dtype=torch.long)
    states, _ = write(model, judge, tokens, 0, model.initial(count))
    return tokens, states


@torch.no_grad()
def reward(model, judge, tokens, states):
    """Return Q of the prefixes (B, T), rescaled by rank."""
    scores = []
    for length in range(1, LENGTH):
        # The state that has read all of the prefix but its last token.
        state = [part.repeat(ROLLOUTS, 1) for part in states[length]]
        completed = tokens.repeat(ROLLOUTS, 1)
        write(model, judge, completed, length, state)
        scores.append(torch.sigmoid(judge(completed)).view(ROLLOUTS, -1).mean(dim=0))
    scores.append(torch.sigmoid(judge(tokens)))
    return rescaled(torch.stack(scores, dim=1))


def rescaled(q):
    larger = (q[None] > q[:, None]).float().sum(dim=1)
    equal = (q[None] == q[:, None]).float().sum(dim=1)
    return torch.sigmoid(SHARPNESS * (0.5 - (larger + (equal + 1) / 2) / len(q)))


def cosines(features, goals, ahead):
    """Return cos(f_{t+i} − f_t, g_t), (B, T + 1 − i)."""
    moved = functional.normalize(features[:, ahead:] - features[:, :-ahead], dim=2)
    return (moved * goals[:, : LENGTH + 1 - ahead]).sum(dim=2)


def generator_loss(model, judge, tokens, q):
    features = prefix_features(judge, tokens)
    logits, goals = model(tokens, features)
    with torch.no_grad():
        total = torch.zeros(len(tokens), LENGTH)
        for ahead in range(1, HORIZON + 1):
            total[:, ahead - 1 :] += cosines(features, goals, ahead)
        rewards = total / torch.arange(1, LENGTH + 1).clamp(max=HORIZON)
    log_probs = torch.log_softmax(logits, dim=2).gather(2, tokens[..., None])[..., 0]
    of_manager = (q[:, HORIZON - 1 :] * cosines(features, goals, HORIZON)).sum(dim=1)
    return -((rewards * log_probs).sum(dim=1) + of_manager).mean()


def discriminator_loss(judge, real, written):
    logits = judge(torch.cat([real, written]))
    loss = 0.5 * (functional.softplus(-logits[: len(real)]).mean() + functional.softplus(logits[len(real) :]).mean())
    return loss + L2 * (judge.last.weight.square().sum() + judge.last.bias.square().sum())


def learning(model, judge, optimizer, tokens, q):
    judge.eval()
    optimizer.zero_grad()
    generator_loss(model, judge, tokens, q).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    optimizer.step()


def minibatch(judge, optimizer, real, written):
    judge.train()
    optimizer.zero_grad()
    discriminator_loss(judge, real, written).backward()
    optimizer.step()


def rounds(model, judge, optimizer, real):
    half = BATCH // 2
    for n in range(ROUNDS):
        part = real[n::ROUNDS]
        judge.eval()
        written, _ = sampling(model, judge, len(part))
        for _ in range(EPOCHS):
            orders = [torch.randperm(len(part)).split(half) for _ in range(2)]
            for ours, theirs in zip(*orders, strict=True):
                minibatch(judge, optimizer, part[ours], written[theirs])


def step(model, judge, optimizers, real):
    judge.eval()
    tokens, states = sampling(model, judge, BATCH)
    learning(model, judge, optimizers[0], tokens, reward(model, judge, tokens, states))
    rounds(model, judge, optimizers[1], real)


def fill(model, judge):
    """Give every weight the numbers that ours has in the check, in our layout: kernels are (…, inputs, outputs)."""
    of_judge = [part for convolution in judge.convolutions for part in (convolution.weight, convolution.bias)]
    of_judge += [part for layer in (judge.gate, judge.transform, judge.last) for part in (layer.weight, layer.bias)]
    of_model = []
    for lstm in (model.worker, model.manager):
        of_model += [lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0]
    of_model += [model.psi.weight, model.goal.weight, model.goal.bias, model.output.weight, model.output.bias]
    weights = [judge.embedding.weight.T, *of_judge, model.embedding.weight.T, *of_model]
    for number, weight in enumerate(weights):
        spread = 0.1 if number <= len(of_judge) else 0.5
        values = spread * (2 * scattered(number, tuple(weight.shape[::-1])) - 1)
        with torch.no_grad():
            weight.copy_(values.permute(*range(values.dim())[::-1]))


def scattered(number, shape):
    """Return numbers from 0 to 1 that look random and are the same in every library."""
    x = torch.arange(math.prod(shape), dtype=torch.float64) * 12.9898 + number * 78.233
    x = torch.sin(x) * 43758.5453
    return (x - torch.floor(x)).view(shape)


def checks():
    """Return name → what gives the number that ours must be."""
    model, judge = Generator(), Discriminator().eval()
    fill(model, judge)
    tokens, real = ((VOCABULARY * scattered(n, (CHECK_ROWS, LENGTH))).long() for n in (100, 101))
    q = rescaled(scattered(102, (CHECK_ROWS, LENGTH)).float())

    def gradient(network, loss):
        loss.backward()
        learned = [weight.grad for weight in network.parameters() if weight.requires_grad]
        return math.sqrt(sum(float(slope.square().sum()) for slope in learned))

    return {
        "generator_loss": lambda: float(generator_loss(model, judge, tokens, q).detach()),
        "generator_gradient": lambda: gradient(model, generator_loss(model, judge, tokens, q)),
        "nll_written": lambda: -float(sum(write(model, judge, tokens, 0, model.initial(CHECK_ROWS), False)[1]).sum()),
        "discriminator_loss": lambda: float(discriminator_loss(judge, real, tokens).detach()),
        "discriminator_gradient": lambda: gradient(judge, discriminator_loss(judge, real, tokens)),
    }


def main():
    torch.manual_seed(0)
    torch.set_num_threads(int(sys.argv[1]))
    numbers = {name: call() for name, call in checks().items()}
    model, judge = Generator(), Discriminator()
    optimizers = [
        torch.optim.Adam(model.parameters(), lr=GENERATOR_RATE),
        torch.optim.Adam(judge.parameters(), lr=DISCRIMINATOR_RATE),
    ]
    real = torch.randint(VOCABULARY, (ROUNDS * ROUND_SENTENCES, LENGTH))
    judge.eval()
    tokens, states = sampling(model, judge, BATCH)
    q, half = torch.rand(BATCH, LENGTH), BATCH // 2

    def evaluated(function, *arguments):
        judge.eval()
        function(model, judge, *arguments)

    contestants = {
        "step": lambda: step(model, judge, optimizers, real),
        "sampling": lambda: evaluated(sampling, BATCH),
        "reward": lambda: evaluated(reward, tokens, states),
        "learning": lambda: learning(model, judge, optimizers[0], tokens, q),
        "minibatch": lambda: minibatch(judge, optimizers[1], real[:half], tokens[:half]),
    }
    for name in ("learning", "minibatch"):
        contestants[name]()  # Adam's moments are made at the first step
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        name, times = line.split()
        if name in numbers:
            print(numbers[name], flush=True)
            continue
        began = time.perf_counter()
        for _ in range(int(times)):
            contestants[name]()
        print((time.perf_counter() - began) / int(times), flush=True)


if __name__ == "__main__":
    main()
