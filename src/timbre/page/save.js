// What the page saves: the timeline as CSV and the result as JSON, as `timbre predict` prints them; an Audacity label
// track; and a picture.

const csvCell = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const labelLine = ([start, end, name]) => `${start.toFixed(6)}\t${end.toFixed(6)}\t${name}\n`;

const SAVES = {
  csv: (song) => {
    const { hop } = song.timeline, columns = about.instruments.map((name) => song.timeline[name]);
    const rows = columns[0].map((_, step) => {
      const values = columns.map((column) => column[step].toFixed(3));
      return [csvCell(song.file), Number((step * hop).toFixed(3)), ...values].join(",");
    });
    return [["file", "seconds", ...about.instruments.map(csvCell)].join(","), ...rows, ""].join("\n");
  },
  json: ({ seconds, words, spectrogram, image, timeline, sections, ...values }) =>
    `${JSON.stringify({ ...values, timeline, sections })}\n`,
  txt: (song) => song.sections.filter((section) => shownInstruments().includes(section[2])).map(labelLine).join(""),
  png: drawPicture,
};

// The picture's layout, in pixels.
const PICTURE = { width: 1400, left: 110, plotWidth: 1200, top: 50, plotHeight: 300, lane: 44, gap: 6, bottom: 50 };

// Returns a picture of a song as PNG, on white.
function drawPicture(song) {
  const { width, left, plotWidth, top, plotHeight, lane, gap, bottom } = PICTURE;
  const height = top + plotHeight + listed(song).length * (lane + gap) + bottom;
  const canvas = element("canvas", { width, height }), context = canvas.getContext("2d");
  const write = (text, x, y, align, font = "16px sans-serif") => {
    Object.assign(context, { textAlign: align, font, fillStyle: "#222" });
    context.fillText(text, x, y);
  };
  const drawPart = (y, partHeight, draw) => {
    const part = element("canvas", { width: plotWidth, height: partHeight });
    draw([part.getContext("2d"), plotWidth, partHeight]);
    context.drawImage(part, left, y);
  };
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  write(song.file.slice(0, 70), left, 32, "left", "bold 22px sans-serif");
  write(`${summary(song)}  ·  ${clock(song.seconds)}`, left + plotWidth, 32, "right");
  drawPart(top, plotHeight, (target) => drawSpectrogram(target, song));
  for (const [label, band] of about.ticks) write(label, left - 8, top + plotHeight * (1 - band / about.bands) + 5, "right");
  listed(song).forEach((name, index) => {
    const y = top + plotHeight + gap + index * (lane + gap), weight = song.present.includes(name) ? "bold " : "";
    context.fillStyle = "#f0f0f0";
    context.fillRect(left, y, plotWidth, lane);
    drawPart(y, lane, (target) => drawLane(target, song, name, "#222"));
    write(name, left - 8, y + 28, "right", `${weight}16px sans-serif`);
    write(song.layered[name].toFixed(2), left + plotWidth + 8, y + 28, "left");
  });
  for (const [position, label] of timeMarks(song.seconds, plotWidth)) write(label, left + position * plotWidth, height - 20, "left");
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

async function save(song, kind) {
  const made = await SAVES[kind](song), content = made instanceof Blob ? made : new Blob([made], { type: "text/plain" });
  download(`${song.file.replace(/\.[^.]*$/, "")}.${kind === "txt" ? "labels.txt" : kind}`, content);
}

function download(name, content) {
  const link = element("a", { href: URL.createObjectURL(content), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
