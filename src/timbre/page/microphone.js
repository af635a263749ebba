// The microphone: its sound goes to the worker as it comes; what the last half second holds comes back and moves on.

const LIVE_SECONDS = 20;
const SEND_SECONDS = 0.2;
const WORKLET = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([input]) { if (input.length) this.port.postMessage(input[0].slice()); return true; }
});`;

class Microphone {
  constructor(section, button, send) {
    [this.section, this.button, this.send] = [section, button, send];
    [this.context, this.moments] = [null, []];
  }

  async start() {
    const constraints = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: constraints });
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(WORKLET)}`); // of blobs, on a disk, none is let in
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
    this.moments = [];
    this.section.hidden = false;
    this.tracks = buildTracks(this.section);
    this.button.setAttribute("aria-pressed", "true");
    this.button.textContent = "Stop the microphone";
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.context?.close();
    this.context = null;
    this.send({ microphone: { samples: null } });
    this.button.setAttribute("aria-pressed", "false");
    this.button.textContent = "Listen to the microphone";
  }

  // Draws what the worker heard: the latest probabilities, and a column of the spectrogram.
  show({ latest, column }) {
    if (!this.context) return;
    const now = performance.now() / 1000;
    this.moments.push({ now, latest, column });
    this.moments = this.moments.filter((moment) => moment.now > now - LIVE_SECONDS);
    const [tools, width, height] = fresh(this.tracks.spectrogram), x = (time) => width * (1 - (now - time) / LIVE_SECONDS);
    const loudest = Math.max(-60, ...this.moments.map((moment) => Math.max(...moment.column)));
    const lanes = this.tracks.lanes.map((lane) => fresh(lane));
    this.moments.forEach((moment, index) => {
      const from = x(this.moments[index - 1]?.now ?? moment.now - SEND_SECONDS), across = x(moment.now) - from + 1;
      const picture = { bands: about.bands, columns: 1, decibels: moment.column };
      tools.drawImage(spectrogramImage(picture, loudest), from, 0, across, height);
      lanes.forEach(([lane, , high], label) => {
        lane.globalAlpha = moment.latest[label];
        lane.fillStyle = about.colours[label];
        lane.fillRect(from, 0, across, high);
      });
    });
    const heard = about.instruments.filter((_, label) => latest[label] >= about.thresholds[label]);
    this.tracks.names.forEach((name, label) => name.classList.toggle("plays", heard.includes(about.instruments[label])));
    const values = about.instruments.map((name, label) => `${name} ${latest[label].toFixed(2)}`).join(", ");
    document.getElementById("live-words").textContent = `${heard.join(" + ") || "none of these"} (${values})`;
  }
}
