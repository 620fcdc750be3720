"""The wide bottleneck against the loop that the paper writes: values, gradients, dropout, initialisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import AutoAdapterModel
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional

from scalearn.campaign.variants import ablations
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.methods.base import Given, Method
from scalearn.methods.hyperparameters import HyperParameters
from scalearn.methods.layers.loop import scaled_sum
from scalearn.methods.layers.sources import Sources
from scalearn.methods.layers.wide_bottleneck import NAME, Omega, ScaledUp
from scalearn.methods.scalearn import Constraint, ScaLearn
from scalearn.training.engine.model import compose
from tests.methods.sources import make_sources
from tests.tiny import tiny_config

VARIANTS = {  # width, layers share omega, omega_scale, dropout, penalty, constraint
    "scalearn": (32, False, 2, 0.3, None, "none"),
    "scalearn_uniform": (1, False, 2, 0.3, None, "none"),
    "scalearn_pp": (32, True, 2, 0.3, None, "none"),
    "scalearn_uniform_pp": (1, True, 2, 0, None, "none"),
    "scalearn_c1": (32, False, 1, 0.3, None, "none"),
    "scalearn_c1_d0": (32, False, 1, 0, None, "none"),
    "scalearn_c3": (32, False, 3, 0.3, None, "none"),
    "scalearn_uniform_d0": (1, False, 2, 0, None, "none"),
    "scalearn_uniform_pp_d03": (1, True, 2, 0.3, None, "none"),
    "scalearn_c1_reg01": (32, False, 1, 0.3, 0.1, "none"),
    "scalearn_c1_reg001": (32, False, 1, 0.3, 0.01, "none"),
    "scalearn_reg01": (32, False, 2, 0.3, 0.1, "none"),
    "scalearn_reg001": (32, False, 2, 0.3, 0.01, "none"),
    "scalearn_mean": (32, False, 2, 0, None, "mean"),
    "scalearn_softmax": (32, False, 2, 0, None, "softmax"),
}
REGULARISED = {name: entry[4] for name, entry in VARIANTS.items() if entry[4] is not None}
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


FORMS = [name for name, method in METHODS.items() if isinstance(method, ScaLearn)]


def test_the_registry_and_the_ablations_are_exactly_these_variants() -> None:
    assert [*FORMS, *ablations()] == list(VARIANTS)


def learner(name: str, **changes: Any) -> tuple[Method, HyperParameters]:
    """Return the method and the values of a form of ScaLearn, or of an ablation by its name."""
    row = ablations().get(name, {"method": name})
    method = METHODS[row["method"]]
    own = {key: value for key, value in row.items() if key not in ("method", "name")}
    return method, method.hyperparameters(**{**own, **changes})


def constrained(omega: Tensor, constraint: str) -> Tensor:
    """omega (S, d) as the paper's ablations have it, source by source."""
    if constraint == "none":
        return omega
    parts = [row.exp() if constraint == "softmax" else row for row in omega]
    return torch.stack([part / sum(parts) for part in parts])


def parts_of(path: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    return {part: tensor.to(dtype) for part, tensor in Sources.read(path).layers[0].items()}


def wide(parts: dict[str, Tensor], omega: Omega) -> nn.Module:
    down = nn.Linear(parts["down.weight"].shape[2], parts["down.bias"].numel(), dtype=parts["down.bias"].dtype)
    with torch.no_grad():
        down.weight.copy_(parts["down.weight"].flatten(0, 1))
        down.bias.copy_(parts["down.bias"].flatten())
    return nn.Sequential(down, nn.ReLU(), ScaledUp(omega, parts["up.weight"], parts["up.bias"]))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("count", [1, 8, 15])
@pytest.mark.parametrize("width", [1, 32])
@pytest.mark.parametrize(
    ("constraint", "dropout"), [("none", 0.0), ("none", 0.3), ("mean", 0.0), ("softmax", 0.0), ("softmax", 0.3)]
)
def test_both_forms_agree(
    tmp_path: Path, dtype: torch.dtype, count: int, width: int, constraint: Constraint, dropout: float
) -> None:
    parts = parts_of(make_sources(tmp_path / "s.safetensors", count=count), dtype)
    torch.manual_seed(0)
    omega = Omega(count, width, mean=2.0, std=0.1, dropout=dropout, constraint=constraint).to(dtype)
    inputs = torch.randn(4, 7, 32, dtype=dtype, requires_grad=True)
    weights = torch.randn(4, 7, 32, dtype=dtype)

    module = wide(parts, omega)
    torch.manual_seed(1)
    fast = module(inputs)
    fast_grads = torch.autograd.grad((fast * weights).sum(), [omega.weight, inputs])
    torch.manual_seed(1)  # the same mask
    slow = scaled_sum(inputs, parts, constrained(functional.dropout(omega.weight, dropout), constraint))
    slow_grads = torch.autograd.grad((slow * weights).sum(), [omega.weight, inputs])

    assert ((fast - slow).abs().max() / slow.abs().max().clamp(min=1)) < TOLERANCE[dtype]
    for ours, theirs in zip(fast_grads, slow_grads, strict=True):
        assert ((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1)) < TOLERANCE[dtype]


def build(name: str, folder: Path, **changes: float) -> Any:
    method, values = learner(name, **changes)
    torch.manual_seed(3)
    model = AutoAdapterModel.from_config(tiny_config())
    compose(model, method, values, Given(make_sources(folder / "s.safetensors")), labels=2)
    return model


@pytest.mark.parametrize("name", VARIANTS)
def test_a_layer_is_the_papers_formula(name: str, tmp_path: Path) -> None:
    """y = LN(sum_s omega_s * a_s(LN(h + x)) + h + x), section 3.2."""
    model = build(name, tmp_path).eval()
    output = model.bert.encoder.layer[1].output
    inner, x = torch.randn(2, 5, 64), torch.randn(2, 5, 32)
    h = output.dense(inner)
    omega = output.adapters[NAME].adapter_up.omega.weight
    torch.nn.init.normal_(omega, 1, 0.3)
    omega = constrained(omega, VARIANTS[name][5])
    parts = Sources.read(tmp_path / "s.safetensors").layers[1]
    expected = output.LayerNorm(scaled_sum(output.LayerNorm(h + x), parts, omega) + h + x)
    torch.testing.assert_close(output(inner, x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", VARIANTS)
def test_omega_is_as_the_variant_says(name: str, tmp_path: Path) -> None:
    width, shared, scale, dropout, penalty, constraint = VARIANTS[name]
    omegas = {id(m): m for m in build(name, tmp_path).modules() if isinstance(m, Omega)}
    assert len(omegas) == (1 if shared else 2)
    assert learner(name)[1].model_dump()["omega_penalty"] == (penalty or 0)
    for omega in omegas.values():
        assert (*omega.weight.shape, omega.dropout, omega.constraint) == (3, width, dropout, constraint)
        torch.testing.assert_close(omega.weight, torch.full_like(omega.weight, scale / 3), rtol=0, atol=0.006)
    values = Omega(50, 400, mean=2.0, std=0.001, dropout=0.0).weight
    assert abs(values.mean() - 0.04) < 1e-4
    assert abs(values.std() - 0.001) < 1e-4


def test_dropout_is_one_mask_on_omega_per_forward(tmp_path: Path) -> None:
    """One mask for all examples and tokens, drawn anew at each forward; survivors are scaled by 1 / (1 - p)."""
    parts = parts_of(make_sources(tmp_path / "s.safetensors"), torch.float64)
    module = wide(parts, Omega(3, 32, mean=2.0, std=0.1, dropout=0.5).double())
    row = torch.randn(32, dtype=torch.float64)
    outputs = module(row.expand(6, 9, 32))
    torch.testing.assert_close(outputs, outputs[:1, :1].expand_as(outputs))
    assert not torch.allclose(outputs, module(row.expand(6, 9, 32)))
    omega = module[2].omega
    drawn = omega(module[2].mask)
    kept = drawn != 0
    torch.testing.assert_close(drawn[kept], 2 * omega.weight[kept])
    assert 0.2 < kept.double().mean() < 0.8


def test_layers_that_share_omega_draw_their_own_masks(tmp_path: Path) -> None:
    model = build("scalearn_pp", tmp_path).train()
    drawn: list[Tensor] = []
    omegas = {id(m): m for m in model.modules() if isinstance(m, Omega)}
    (omega,) = omegas.values()
    omega.register_forward_hook(lambda module, inputs, output: drawn.append(output.detach()))
    model(input_ids=torch.randint(5, 60, (2, 6)))
    assert len(drawn) == 2
    assert not torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize("name", REGULARISED)
def test_the_penalty_draws_the_mean_of_each_source_to_one(name: str, tmp_path: Path) -> None:
    """(lambda / S) sum_l sum_s (1 - mean_d omega_lsd)^2, and its gradient reaches every omega."""
    model, (method, values) = build(name, tmp_path), learner(name)
    omegas = [layer.output.adapters[NAME].adapter_up.omega.weight for layer in model.bert.encoder.layer]
    expected = 0.0
    for omega in omegas:
        torch.nn.init.normal_(omega, 1, 2)
        for source in omega.tolist():
            expected += REGULARISED[name] / 3 * (1 - sum(source) / 32) ** 2
    term = method.regularisation(model, values)
    assert term is not None and term.item() == pytest.approx(expected)
    term.backward()
    for omega in omegas:
        slope = -2 * REGULARISED[name] / (3 * 32) * (1 - omega.detach().mean(1, keepdim=True))
        torch.testing.assert_close(omega.grad, slope.expand_as(omega))


@pytest.mark.parametrize("name", [name for name in VARIANTS if name not in REGULARISED])
def test_no_other_variant_adds_to_the_loss(name: str, tmp_path: Path) -> None:
    method, values = learner(name)
    assert not method.regularises(values)
    assert method.regularisation(build(name, tmp_path), values) is None


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("scalearn", {"omega_dropout": 1.5}, r"(?s)omega_dropout.* less than or equal to 1 .*input_value=1\.5"),
        ("scalearn_mean", {"omega_dropout": 0.3}, "scalearn: omega_dropout is 0.3; set it to 0"),
    ],
)
def test_dropout_that_makes_no_sense_is_refused(
    name: str, changes: dict[str, float], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises((UserError, ValidationError), match=sentence):
        build(name, tmp_path, **changes)


def test_the_number_of_operations_does_not_depend_on_the_number_of_sources(tmp_path: Path) -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    class Counter(TorchDispatchMode):
        calls = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            Counter.calls += 1
            return func(*args, **(kwargs or {}))

    counts = []
    for sources in (2, 15):
        parts = parts_of(make_sources(tmp_path / f"{sources}.safetensors", count=sources), torch.float32)
        module, inputs = wide(parts, Omega(sources, 32, 2.0, 0.1, 0.3)), torch.randn(2, 3, 32)
        Counter.calls = 0
        with Counter():
            module(inputs).sum().backward()
        counts.append(Counter.calls)
    assert counts[0] == counts[1]
