"""The network that is trained and its numpy twin that serves; and what a question may see."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.engine.arrays import DAY
from training.engine.history import Past
from training.engine.network import NetShape, Network
from training.engine.sampling import batch_of_pasts
from training.engine.sequence_objective import served

ITEMS, LENGTH, NOW = 12, 6, 500.0 * DAY


def network(layers: int, text: int, *, repeats: bool = True) -> Network:
    torch.manual_seed(4)
    shape = NetShape(ITEMS, text, 2, 8, layers, 2, LENGTH, 0.3, repeats)
    met = torch.ones(ITEMS)
    met[-2:] = 0.0
    net = Network(shape, met)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return net.eval()


@pytest.mark.parametrize("text", [0, 5])
def test_before_training_what_is_asked_differs_by_what_was_met(text: int) -> None:
    torch.manual_seed(4)
    net = Network(NetShape(ITEMS, text, 2, 64, 2, 2, LENGTH, 0.0), torch.ones(ITEMS)).eval()
    words = 12.0 * torch.eye(ITEMS)[:, :5] + torch.randn(ITEMS, 5) if text else None
    one = past(1, seed=1)
    pasts = [replace(one, item=np.array([item])) for item in range(ITEMS)]
    with torch.no_grad():
        asked, _ = net.queries(batch_of_pasts(pasts, NOW, LENGTH), net.vectors(words))
    alike = torch.corrcoef(asked[:, 0])[~torch.eye(ITEMS, dtype=torch.bool)]
    assert alike.mean() < 0.9, "what all events share drowns the item"


def past(count: int, seed: int) -> Past:
    draws = np.random.default_rng(seed)
    return Past(
        item=draws.integers(0, ITEMS, count),
        time=np.sort(NOW - draws.random(count) * 90 * DAY),
        weight=draws.normal(size=count).astype(np.float32),
        type=draws.integers(0, 3, count),
        value=np.zeros(count, np.float32),
    )


@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("count", [1, 4, LENGTH, 3 * LENGTH])
def test_what_serves_scores_as_what_was_trained(layers: int, count: int, repeats: bool) -> None:
    net = network(layers, text=5, repeats=repeats)
    text = torch.randn(ITEMS, 5, generator=torch.Generator().manual_seed(0))
    history = past(count, seed=count)
    with torch.no_grad():
        net.bias.copy_(net.bias_for_all())
        batch = batch_of_pasts([history, past(3, seed=9)], NOW, LENGTH)
        expected = net.scores(batch, net.vectors(text), torch.arange(ITEMS))[0, 0].numpy()
    assert served(net, text).score(history, NOW) == pytest.approx(expected, abs=1e-4)


def test_where_nothing_comes_again_a_target_is_told_from_what_was_not_met() -> None:
    net = network(1, text=0, repeats=False)
    one = replace(past(3, seed=1), item=np.array([4, 7, 7]))
    asked = batch_of_pasts([one], NOW, LENGTH)
    columns = torch.arange(ITEMS)
    with torch.no_grad():
        new, again = (
            net.scores(replace(asked, target=torch.tensor([[item]])), net.vectors(None), columns)
            for item in (2, 7)
        )
    assert torch.nonzero(new[0, 0] < -1e8).flatten().tolist() == [4, 7]
    assert torch.nonzero(again[0, 0] < -1e8).flatten().tolist() == [4], "a repeat can be learnt"
    assert torch.equal(new[0, 0, :4], again[0, 0, :4])


def test_padding_behind_a_history_changes_nothing() -> None:
    net = network(2, text=0)
    short, long = past(2, seed=1), past(6, seed=2)
    columns = torch.arange(ITEMS)
    with torch.no_grad():
        alone = net.scores(batch_of_pasts([short], NOW, LENGTH), net.vectors(None), columns)[0]
        padded = net.scores(batch_of_pasts([short, long], NOW, LENGTH), net.vectors(None), columns)
    assert torch.allclose(alone, padded[0], atol=1e-6)


def test_a_question_does_not_see_later_events() -> None:
    net = network(2, text=0)
    batch = batch_of_pasts([past(6, seed=2)], NOW, LENGTH)
    early = batch.place - 3
    changed = batch.item.clone()
    changed[:, 3:] = (changed[:, 3:] + 1) % ITEMS
    columns = torch.arange(ITEMS)
    with torch.no_grad():
        before = net.scores(
            type(batch)(**{**vars(batch), "place": early}), net.vectors(None), columns
        )
        after = net.scores(
            type(batch)(**{**vars(batch), "place": early, "item": changed}),
            net.vectors(None),
            columns,
        )
    assert torch.equal(before, after)


def test_an_item_without_events_stands_on_its_text_alone() -> None:
    net = network(1, text=5)
    text = torch.randn(ITEMS, 5)
    assert net.text is not None
    with torch.no_grad():
        assert torch.allclose(net.vectors(text)[-1], net.text(text)[-1])
        assert not torch.allclose(net.vectors(text)[0], net.text(text)[0])


def test_scores_of_some_columns_are_those_of_all() -> None:
    net = network(2, text=0)
    batch = batch_of_pasts([past(5, seed=3)], NOW, LENGTH)
    some = torch.tensor([7, 2, 11])
    with torch.no_grad():
        every = net.scores(batch, net.vectors(None), torch.arange(ITEMS))
        assert torch.allclose(net.scores(batch, net.vectors(None), some), every[..., some])
        assert torch.equal(net.scores(batch, net.vectors(None), None), every)
        moved = net.scores(batch, net.vectors(None), some, torch.tensor([0.0, 1.0, -torch.inf]))
        assert torch.allclose(moved[..., 1], every[..., 2] + 1.0)
        assert bool(torch.isneginf(moved[..., 2]).all())


@pytest.mark.parametrize("training", [True, False])
def test_making_a_source_leaves_the_network_in_its_mode(training: bool) -> None:
    net = network(1, text=0).train(training)
    served(net, None)
    assert net.training is training
