// The microphone: sends its sound to the worker and shows the instruments of the last half second in moving lanes.

const LIVE_SECONDS = 20;
const SEND_SECONDS = 0.2;
const WORKLET = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([input]) { if (input.length) this.port.postMessage(input[0].slice()); return true; }
});`;

class Microphone {
  constructor(section, button, send) {
    [this.section, this.button, this.send] = [section, button, send];
    [this.context, this.updates] = [null, []];
  }

  async start() {
    const constraints = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: constraints });
    this.context = new AudioContext();
    // A data URL, because a page on a disk cannot load a worklet from a blob.
    await this.context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(WORKLET)}`);
    const tap = new AudioWorkletNode(this.context, "tap"), rate = this.context.sampleRate;
    let held = [], count = 0;
    tap.port.onmessage = ({ data }) => {
      held.push(data);
      count += data.length;
      if (count < SEND_SECONDS * rate) return;
      const samples = new Float32Array(count);
      held.reduce((at, piece) => (samples.set(piece, at), at + piece.length), 0);
      [held, count] = [[], 0];
      this.send({ microphone: { samples, rate } });
    };
    this.context.createMediaStreamSource(this.stream).connect(tap);
    this.updates = [];
    this.section.hidden = false;
    this.tracks = buildTracks(this.section, shownInstruments());
    this.button.setAttribute("aria-pressed", "true");
    this.button.textContent = "Stop the microphone";
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close();
    this.context = null;
    this.send({ microphone: { samples: null } });
    this.button.setAttribute("aria-pressed", "false");
    this.button.textContent = "Use the microphone";
  }

  // Shows an update of the worker: the latest probabilities and a column of the spectrogram.
  show({ latest, column }) {
    if (!this.context) return;
    const now = performance.now() / 1000;
    this.updates.push({ now, latest, column });
    this.updates = this.updates.filter((update) => update.now > now - LIVE_SECONDS);
    this.draw(now);
    const { instruments, names } = this.tracks, valueOf = (name) => latest[about.instruments.indexOf(name)];
    const present = instruments.filter((name) => valueOf(name) >= about.thresholds[about.instruments.indexOf(name)]);
    names.forEach((line, index) => line.classList.toggle("plays", present.includes(instruments[index])));
    const values = instruments.map((name) => `${name} ${valueOf(name).toFixed(2)}`).join(", ");
    document.getElementById("live-words").textContent = `${present.join(" + ") || "none of these"} (${values})`;
  }

  draw(now) {
    const [context, width, height] = clearCanvas(this.tracks.spectrogram);
    const lanes = this.tracks.lanes.map((lane) => clearCanvas(lane));
    const x = (time) => width * (1 - (now - time) / LIVE_SECONDS);
    const loudest = Math.max(-60, ...this.updates.map(({ column }) => Math.max(...column)));
    this.updates.forEach((update, index) => {
      const from = x(this.updates[index - 1]?.now ?? update.now - SEND_SECONDS), across = x(update.now) - from + 1;
      const picture = { bands: about.bands, columns: 1, decibels: update.column };
      context.drawImage(spectrogramImage(picture, loudest), from, 0, across, height);
      lanes.forEach(([lane, , laneHeight], index) => {
        const name = this.tracks.instruments[index];
        lane.globalAlpha = update.latest[about.instruments.indexOf(name)];
        lane.fillStyle = colourOf(name);
        lane.fillRect(from, 0, across, laneHeight);
      });
    });
  }
}
