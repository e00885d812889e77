"""The networks: their sizes, their shapes, what their shortcuts do."""

import re

import pytest

torch = pytest.importorskip("torch", reason="the networks need torch")

from descent import models

IMAGES = {"8×8": (1, 8, 8), "28×28": (1, 28, 28), "32×32": (3, 32, 32)}
COUNTS = {
    "mlp": (167178, 535818, 1707274),
    "alexnet-lite": (241834, 303274, 389866),
    "vgg-lite": (99178, 435306, 550570),
    "resnet-8": (75002, 75002, 75290),
    "resnet-56": (852730, 852730, 853018),
}


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
@pytest.mark.parametrize("name", sorted(set(models.names()) - set(models.FOR_TEXT)))
def test_a_net_takes_each_size_of_image_and_every_parameter_gets_a_gradient(name, image):
    model = models.get(name, image, classes=7)
    outputs = model(torch.randn(4, *image))
    assert outputs.shape == (4, 7)
    outputs.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("name", COUNTS)
def test_a_net_has_as_many_parameters_as_its_docstring_says(name):
    found = tuple(models.count(models.get(name, image)) for image in IMAGES.values())
    assert found == COUNTS[name]
    function = getattr(models, re.sub("-.*", "_lite", name))
    said = {int(n.replace(",", "")) for n in re.findall(r"\d+,[\d,]+\d", function.__doc__)}
    assert said & set(found), (said, found)


@pytest.mark.parametrize("name", ["mlp", "alexnet-lite", "vgg-lite", "resnet-8", "plain-8"])
def test_width_is_a_factor_of_every_hidden_layer(name):
    narrow, wide = (models.get(name, (1, 8, 8), 7, width=width) for width in (1, 2))
    pairs = [
        (a.shape, b.shape)
        for a, b in zip(narrow.parameters(), wide.parameters(), strict=True)
        if a.dim() > 1
    ]
    rows = [b[0] / a[0] for a, b in pairs]
    assert rows == [2.0] * (len(rows) - 1) + [1.0]
    assert all(b[1] / a[1] == 2 for a, b in pairs[1:])
    assert models.count(models.get(name, (1, 8, 8), width=0.001)) > 0


@pytest.mark.parametrize("name", ["mlp", "alexnet-lite", "vgg-lite"])
def test_dropout_drops_in_training_alone_and_leaves_the_names_of_no_net_without_it(name):
    model = models.get(name, (1, 8, 8), dropout=0.5)
    x = torch.randn(3, 1, 8, 8)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))
    assert not any(isinstance(m, torch.nn.Dropout) for m in models.get(name, (1, 8, 8)).modules())


def test_an_option_that_a_net_lacks_is_named():
    with pytest.raises(ValueError, match=r"of resnet-8 must be among \['width'\], got \['drop"):
        models.get("resnet-8", dropout=0.5)
    with pytest.raises(ValueError, match="width must be a positive, finite number, got 0"):
        models.get("vgg-lite", width=0)
    with pytest.raises(ValueError, match=r"dropout must be a number in \[0, 1\), got 1"):
        models.get("mlp", dropout=1)


def test_the_parameters_of_the_residual_nets_are_those_of_the_paper():
    # Table 6 of He et al. gives 0.27, 0.46, 0.66 and 0.85 million for depths 20, 32, 44, 56.
    millions = [models.count(models.resnet_lite(depth=d)) / 1e6 for d in (20, 32, 44, 56)]
    assert [round(m, 2) for m in millions] == [0.27, 0.46, 0.66, 0.85]


@pytest.mark.parametrize("depth", models.DEPTHS)
def test_a_residual_net_has_as_many_layers_with_weights_as_its_name_says(depth):
    layers = torch.nn.Conv2d | torch.nn.Linear
    model = models.get(f"resnet-{depth}")
    assert sum(isinstance(layer, layers) for layer in model.modules()) == depth
    assert models.count(model) == models.count(models.get(f"plain-{depth}"))


def test_a_block_without_weights_passes_on_what_came_in():
    block = models.Block(4, 8)
    torch.nn.init.zeros_(block.body[-1].weight)
    x = torch.rand(2, 4, 6, 6)
    assert torch.equal(block(x)[:, :4], x[:, :, ::2, ::2])
    assert not block(x)[:, 4:].any()
    plain = models.Block(4, 8, shortcut=False)
    torch.nn.init.zeros_(plain.body[-1].weight)
    assert not plain(x).any()


def test_dropout_is_before_the_first_two_dense_layers_only():
    layers = list(models.alexnet_lite(dropout=0.5))
    dropped = [i for i, layer in enumerate(layers) if isinstance(layer, torch.nn.Dropout)]
    dense = [i for i, layer in enumerate(layers) if isinstance(layer, torch.nn.Linear)]
    assert [i + 1 for i in dropped] == dense[:2]
    assert models.count(models.alexnet_lite(dropout=0.5)) == models.count(models.alexnet_lite())


def test_he_weights_keep_the_size_of_a_signal_and_torchs_own_shrink_it_by_root_six_a_layer():
    torch.manual_seed(0)
    deep = models.mlp((1, 16, 16), hidden=[256] * 12)
    x = torch.randn(64, 1, 16, 16)

    def shrinkage():
        with torch.no_grad():
            sizes = [deep[: 2 * k](x).square().mean() for k in (2, 12)]
        return float(sizes[0] / sizes[1]) ** (1 / 20)

    for layer in deep:  # biases would add a floor
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.zeros_(layer.bias)
    assert shrinkage() == pytest.approx(6**0.5, rel=0.05)
    assert models.he_(deep) is deep
    assert shrinkage() == pytest.approx(1, rel=0.05)


# --- the transformer ----------------------------------------------------------------------------


def small(**options):
    torch.manual_seed(0)
    return models.transformer((12,), 7, channels=16, **options)


def test_a_transformer_has_logits_of_each_place_and_every_parameter_gets_a_gradient():
    model, x = small(), torch.randint(7, (3, 12))
    assert model(x).shape == (3, 7, 12)
    torch.nn.functional.cross_entropy(model(x), x).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())
    assert model(x[:, :5]).shape == (3, 7, 5)
    with pytest.raises(ValueError, match="x must have at most 12 characters, got 13"):
        model(torch.zeros(1, 13, dtype=torch.long))


def test_a_later_character_changes_no_earlier_logit_and_an_earlier_one_every_later():
    model, x = small().double(), torch.randint(7, (1, 12))
    for place in range(12):
        other = x.clone()
        other[0, place] = (x[0, place] + 1) % 7
        moved = (model(x) - model(other)).abs().amax((0, 1))
        assert not moved[:place].any()
        assert (moved[place:] > 1e-6).all()


def test_attention_is_that_of_torch():
    attention, x = models.Attention(16, 4), torch.randn(2, 9, 16)
    q, k, v = (
        layer(x).view(2, 9, 4, 4).transpose(1, 2)
        for layer in (attention.query, attention.key, attention.value)
    )
    mixed = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    expected = attention.out(mixed.transpose(1, 2).reshape(2, 9, 16))
    torch.testing.assert_close(attention(x), expected)


def test_width_scales_the_channels_of_a_transformer_and_leaves_its_heads():
    narrow, wide = small(width=1), small(width=2.5)
    assert wide.norm.normalized_shape == (40,)
    assert wide.layers[0].attention[1].heads == narrow.layers[0].attention[1].heads == 4
    assert small(width=0.001).norm.normalized_shape == (4,)
    assert small(dropout=0.5).training
    x = torch.zeros(1, 12, dtype=torch.long)
    assert not torch.equal((model := small(dropout=0.5))(x), model(x))


def test_a_transformer_learns_a_batch_by_heart():
    model, text = small(), torch.randint(7, (8, 13))
    x, y = text[:, :-1], text[:, 1:]
    adam = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(150):
        adam.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        adam.step()
    later = torch.nn.functional.cross_entropy(
        model(x)[:, :, 2:], y[:, 2:]
    )  # known by what precedes
    assert later < 0.1 < torch.log(torch.tensor(7.0))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: models.get("lenet"), "name must be one of mlp, .*got 'lenet'"),
        (lambda: models.get("mlp", (1, 4, 4)), r"image must be .*got \(1, 4, 4\)"),
        (lambda: models.get("mlp", (1, 28, 32)), r"image must be .*got \(1, 28, 32\)"),
        (lambda: models.get("mlp", classes=0), "classes must be .*got 0"),
        (lambda: models.mlp(hidden=(0,)), "hidden must be .*got 0"),
        (lambda: models.autoencoder(code=0), "code must be .*got 0"),
        (lambda: models.alexnet_lite(dropout=1.0), "dropout must be .*got 1.0"),
        (lambda: models.transformer((1, 8, 8)), r"image must be \(length,\).*got \(1, 8, 8\)"),
        (lambda: models.transformer(heads=0), "heads must be .*got 0"),
        (lambda: models.mlp((64,)), r"image must be .*got \(64,\)"),
        (lambda: models.resnet_lite(depth=18), r"depth must be 6n \+ 2 .*got 18"),
    ],
)
def test_a_bad_argument_is_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
