// What the page saves: a timeline as CSV, the answer as JSON, both as `timbre predict` prints them; labels; a picture.

const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const SAVES = {
  csv: (song) => {
    const { hop } = song.timeline, columns = about.instruments.map((name) => song.timeline[name]);
    const rows = columns[0].map((_, step) =>
      [quoted(song.file), Number((step * hop).toFixed(3)), ...columns.map((column) => column[step].toFixed(3))].join(","),
    );
    return [["file", "seconds", ...about.instruments.map(quoted)].join(","), ...rows, ""].join("\n");
  },
  json: ({ file, instrument, single, present, layered, shares, first_heard, solos, timeline, sections }) =>
    `${JSON.stringify({ file, instrument, single, present, layered, shares, first_heard, solos, timeline, sections })}\n`,
  txt: (song) => song.sections.map(([start, end, name]) => `${start.toFixed(6)}\t${end.toFixed(6)}\t${name}\n`).join(""),
  png: picture,
};

// A song's picture as a PNG: 1400 pixels wide, on white.
function picture(song) {
  const [left, width, top, high, lane, gap] = [110, 1200, 50, 300, 44, 6], lanes = about.instruments.length;
  const canvas = element("canvas", { width: 1400, height: top + high + lanes * (lane + gap) + 50 });
  const tools = canvas.getContext("2d");
  tools.fillStyle = "#fff";
  tools.fillRect(0, 0, canvas.width, canvas.height);
  const write = (text, x, y, align, font = "16px sans-serif", colour = "#222") => {
    Object.assign(tools, { textAlign: align, font, fillStyle: colour });
    tools.fillText(text, x, y);
  };
  write(song.file.slice(0, 70), left, 32, "left", "bold 22px sans-serif");
  write(`${song.present.join(" + ") || "none of these"}  ·  ${clock(song.seconds)}`, left + width, 32, "right");
  const part = (y, height, draw) => {
    const piece = element("canvas", { width, height });
    draw([piece.getContext("2d"), width, height]);
    tools.drawImage(piece, left, y);
  };
  part(top, high, (tools) => drawSpectrogram(tools, song));
  for (const [label, band] of about.ticks) write(label, left - 8, top + high * (1 - band / about.bands) + 5, "right");
  about.instruments.forEach((name, label) => {
    const y = top + high + gap + label * (lane + gap), plays = song.present.includes(name);
    const sections = song.sections.filter((section) => section[2] === name);
    tools.fillStyle = "#f0f0f0";
    tools.fillRect(left, y, width, lane);
    part(y, lane, (tools) => drawLane(tools, song.timeline[name], about.colours[label], sections, song.seconds, song.timeline.hop, "#222"));
    write(name, left - 8, y + 28, "right", `${plays ? "bold " : ""}16px sans-serif`);
    write(song.layered[name].toFixed(2), left + width + 8, y + 28, "left");
  });
  for (const [share, label] of timeMarks(song.seconds, width)) write(label, left + share * width, canvas.height - 20, "left");
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

async function save(song, kind) {
  const made = await SAVES[kind](song), content = made instanceof Blob ? made : new Blob([made], { type: "text/plain" });
  const link = element("a", {
    href: URL.createObjectURL(content),
    download: `${song.file.replace(/\.[^.]*$/, "")}.${kind === "txt" ? "labels.txt" : kind}`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
