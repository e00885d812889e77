"""Names and arguments of the frameworks' optimisers, as their users have them at hand."""

import pytest

from descent.conventions import convert, framework_rule, names

torch = pytest.importorskip("torch", reason="torch is not installed")

LISTED = [name.rpartition(".")[2] for name in names() if name.startswith("torch")]


@pytest.mark.parametrize("name", LISTED)
def test_the_defaults_of_an_optimizer_of_pytorch_are_taken(name):
    kind = getattr(torch.optim, name)
    optimizer = kind([torch.zeros(2, 2, requires_grad=True)], lr=0.25)
    rule = framework_rule(f"torch.optim.{name}", **optimizer.defaults)
    assert rule == framework_rule(f"torch.optim.{name}", lr=0.25)
    assert framework_rule(f"{kind.__module__}.{kind.__qualname__}", **optimizer.defaults) == rule


def test_every_optimizer_of_pytorch_is_a_rule_or_refused_with_a_reason():
    kinds = [
        kind.__name__
        for kind in vars(torch.optim).values()
        if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer)
    ]
    for name in set(kinds) - {"Optimizer"} - set(LISTED):
        with pytest.raises(ValueError, match=f"{name} is no rule: "):
            framework_rule(f"torch.optim.{name}")


def test_a_default_that_a_rule_cannot_follow_is_an_error():
    with pytest.raises(ValueError, match=r"knows lr, betas, .* got decoupled_weight_decay = False"):
        framework_rule("torch.optim.AdamW", decoupled_weight_decay=False)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("tf.keras.optimizers.Adam", "keras.optimizers.Adam"),
        ("tensorflow.keras.optimizers.Lamb", "keras.optimizers.Lamb"),
        ("keras.src.optimizers.schedule_free_adamw.ScheduleFreeAdamW", None),
        ("torch.optim._adafactor.Adafactor", "torch.optim.Adafactor"),
        ("optax._src.alias.adabelief", "optax.adabelief"),
        ("optax.contrib._prodigy.prodigy", "optax.contrib.prodigy"),
    ],
)
def test_the_path_of_a_class_is_understood(written, path):
    hyper = {"learning_rate": 0.5} if "torch" not in written else {"lr": 0.5}
    path = path or "keras.optimizers.ScheduleFreeAdamW"
    assert framework_rule(written, **hyper) == framework_rule(path, **hyper)
    assert convert(written, path, **hyper) == convert(path, path, **hyper)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("optax.contrib.sophia", "the Hessian"),
        ("keras.optimizers.LossScaleOptimizer", "scales the loss"),
        ("keras.optimizers.MultiOptimizer", "several optimisers"),
        ("bitsandbytes.optim.Adam8bit", "8 bits"),
        ("timm.optim.AdamP", "not among the packages"),
        ("tf_keras.optimizers.Adam", "Keras 2"),
        ("tf.keras.optimizers.legacy.Adam", "Keras 2"),
    ],
)
def test_what_is_no_rule_is_refused_with_the_reason(name, reason):
    with pytest.raises(ValueError, match=f"{name} is no rule: .*{reason}"):
        framework_rule(name)
