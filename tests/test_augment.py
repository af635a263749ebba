import pytest
import torch
from torch import Generator

from timbre.core.params import Augment
from timbre.training import augment as a

SECONDS = 0.02
GRAIN = torch.rand(40, 300, generator=Generator().manual_seed(1))


def batch(clips=4, bands=40, frames=100):
    return torch.rand(clips, bands, frames, generator=Generator().manual_seed(0)) + 0.1


def column(*values):
    return torch.tensor(values).view(-1, 1, 1)


def test_the_same_seed_gives_the_same_result_and_another_seed_does_not(params):
    def once(seed):
        return a.augment(batch(), GRAIN, params.augment, SECONDS, Generator().manual_seed(seed))

    torch.testing.assert_close(once(1), once(1), rtol=0, atol=0)
    assert not torch.equal(once(1), once(2))
    assert torch.isfinite(once(1)).all()
    assert (once(1) >= 0).all()


def test_with_all_options_at_zero_a_clip_is_unchanged():
    off = Augment(crop=1, shorten=0, equaliser_db=0, reverb=0, noise=0, low_pass=0, mask=0, compress=0)
    torch.testing.assert_close(a.augment(batch(), GRAIN, off, SECONDS, Generator().manual_seed(0)), batch())


def test_a_crop_keeps_the_loudest_frame_wherever_it_is():
    mels = torch.full((200, 3, 50), -90.0)
    loudest = torch.arange(200) % 50
    mels[torch.arange(200), 1, loudest] = 0.0
    cut = a.crop(mels, 20, Generator().manual_seed(0))
    assert cut.shape == (200, 3, 20)
    assert (cut.amax(dim=(1, 2)) == 0).all()
    assert len(cut.amax(dim=1).argmax(dim=1).unique()) > 10


def test_a_shortened_clip_sounds_once_and_keeps_its_loudest_frame():
    power = torch.ones(400, 3, 50)
    loudest = torch.arange(400) % 50
    power[torch.arange(400), :, loudest] = 9.0
    sounds = a.shorten(power, 0.5, Generator().manual_seed(0))[:, 0] > 0
    assert sounds[torch.arange(400), loudest].all()
    assert (sounds[:, 1:] > sounds[:, :-1]).sum(dim=1).max() <= 1
    assert 0.35 < (sounds.sum(dim=1) < 50).float().mean() < 0.65
    torch.testing.assert_close(a.shorten(power, 0.0, Generator().manual_seed(0)), power)


def test_a_reverberant_click_decays_by_60_db_in_its_time():
    click = torch.zeros(1, 1, 100)
    click[..., 10] = 1
    even = torch.ones(1, 1, 100)
    tail = a.reverberate(click, column(1.0), level=column(1.0), frame_seconds=SECONDS, grain=even)[0, 0]
    assert (tail[:10] == 0).all()
    assert 10 * (tail[60] / tail[10 + 1]).log10() == pytest.approx(-60 * 49 * SECONDS, abs=0.01)


def test_a_compressor_halves_level_changes_in_all_bands_alike():
    power = torch.ones(1, 2, 100) * torch.tensor([1.0, 4.0])[:, None]
    power[..., 50:] *= 0.01  # 20 dB down
    pressed = a.compress(power, column(0.5))
    steps = 10 * torch.log10(pressed[0, :, 20] / pressed[0, :, 80])
    assert steps.tolist() == pytest.approx([10, 10], abs=0.3)
    assert (pressed[0, 1] / pressed[0, 0]).tolist() == pytest.approx([4] * 100)
    assert torch.isfinite(a.compress(torch.zeros(1, 2, 100), column(0.5))).all()


def test_the_equaliser_passes_through_its_knots():
    flat = torch.ones(1, 40, 3)
    curve = 10 * a.equalise(flat, torch.tensor([[6.0, 0, 0, 0, 0, -6.0]])).log10()
    assert curve[0, :, 0][[0, 20, -1]].tolist() == pytest.approx([6, 0, -6], abs=1e-4)


def test_the_low_pass_attenuates_the_upper_bands():
    decibels = 10 * a.low_pass(torch.ones(1, 40, 3), column(0.5)).log10()
    assert decibels[0, :21, 0].tolist() == pytest.approx([0] * 21, abs=1e-5)
    assert decibels[0, 25, 0] == pytest.approx(-a.LOW_PASS_DB * 5, abs=1e-3)


def test_noise_has_the_given_level_relative_to_the_clip():
    power = torch.full((1, 40, 100), 2.0)
    noisy = a.add_noise(power, column(-20.0), column(0.0), torch.ones(1, 40, 100))
    torch.testing.assert_close(noisy, torch.full_like(power, 2.0 * 1.01))


def test_steady_noise_fluctuates_less_in_wide_bands_and_little_from_frame_to_frame(params):
    noise = a.steady_noise(params.audio, params.mel)
    assert noise.shape[0] == params.mel.n_mels
    assert noise.mean() == pytest.approx(1, rel=1e-4)
    fluctuation = noise.std(dim=1) / noise.mean(dim=1)
    assert fluctuation[:10].mean() > 2 * fluctuation[-10:].mean()
    assert torch.corrcoef(torch.stack([noise[5, :-1], noise[5, 1:]]))[0, 1] > 0.5
    assert torch.equal(noise, a.steady_noise(params.audio, params.mel))


@pytest.mark.parametrize("dim", [1, 2])
def test_a_mask_silences_adjacent_bands_or_frames_of_the_given_width(dim):
    masked = a.mask(batch(), dim, width=column(0.1, 0.2, 0.0, 0.1), start=column(0.0, 0.5, 0.5, 1.0)) == 0
    silent = masked.all(dim=3 - dim)
    size = batch().shape[dim]
    assert silent.sum(dim=1).tolist() == pytest.approx([0.1 * size, 0.2 * size, 0, 0.1 * size], abs=1)


def test_active_frames_of_all_clips_are_made_equally_loud():
    power = batch()
    power[1] *= 1000
    power[2, :, 50:] = 0  # silence after the sound does not count
    levels = a.make_equally_loud(power)
    assert levels[:2].mean(dim=(1, 2)).tolist() == pytest.approx([1, 1], rel=1e-4)
    assert levels[2, :, :50].mean() == pytest.approx(1, rel=1e-4)
