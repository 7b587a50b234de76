// From dropped files to answers; `answer`, which follows, is that of the task.
const part = id => document.getElementById(id);
const about = JSON.parse(part("about").textContent);
const percent = share => `${(100 * share).toFixed(1)} %`;
const rank = numbers => [...numbers.keys()].sort((a, b) => numbers[b] - numbers[a]);
const color = rgb => `rgb(${rgb.join(" ")})`;

function make(kind, into, text = "", className = "") {
  const made = into.appendChild(document.createElement(kind));
  made.textContent = text;
  made.className = className;
  return made;
}

async function unpack(id) {
  const bytes = Uint8Array.from(atob(part(id).textContent), letter => letter.charCodeAt(0));
  part(id).remove();
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

async function open() {
  const code = new Blob([await unpack("runtime")], {type: "text/javascript"});
  const ort = await import(URL.createObjectURL(code));
  Object.assign(ort.env.wasm, {wasmBinary: await unpack("wasm"), numThreads: 1});
  const session = await ort.InferenceSession.create(await unpack("model"), {logSeverityLevel: 3});
  return {ort, session};
}

// Upright, with its own numbers, and where it is transparent, on white.
async function draw(file) {
  const bitmap = await createImageBitmap(file, {colorSpaceConversion: "none", imageOrientation: "from-image"});
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  return canvas;
}

function pixels(canvas) {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Uint8Array.from({length: data.length / 4 * 3}, (_, at) => data[at + Math.floor(at / 3)]);
}

async function run({ort, session}, canvas) {
  const shape = [1, canvas.height, canvas.width, 3];
  const images = new ort.Tensor("uint8", pixels(canvas), shape);
  const {[session.outputNames[0]]: found, [about.rejected]: rejected} = await session.run({images});
  const answered = answer(found.data, found.dims.slice(1), about);
  return rejected?.data[0] ? {...answered, title: about.none} : answered;
}

async function lay(canvas, {picture, boxes = []}) {
  const context = canvas.getContext("2d");
  if (picture) context.drawImage(await createImageBitmap(picture), 0, 0, canvas.width, canvas.height);
  context.lineWidth = Math.max(2, canvas.width / 200);
  for (const [left, top, right, bottom, rgb] of boxes) {
    context.strokeStyle = color(rgb);
    context.strokeRect(left, top, right - left, bottom - top);
  }
}

function show(section, file, canvas, {title, rows}, seconds) {
  make("h2", section, title);
  const split = make("div", section, "", "split");
  const figure = make("figure", split);
  canvas.classList.toggle("small", canvas.width < 200);
  figure.append(canvas);
  make("figcaption", figure, `${file.name}, ${canvas.width} x ${canvas.height} pixels, ${seconds.toFixed(2)} s`);
  const list = make("ol", make("div", split, "", "pairs"));
  for (const [name, number, words, barred, rgb] of rows) {
    const row = make("li", list);
    make("bdi", row, name);
    make("data", row, words).value = number;
    if (!barred) continue;
    const bar = make("i", row);
    bar.style.width = `${100 * number}%`;
    if (rgb) bar.style.background = color(rgb);
  }
}

async function take(opened, files) {
  for (const file of files) {
    const section = document.createElement("section");
    try {
      const begun = performance.now(), canvas = await draw(file), answered = await run(opened, canvas);
      await lay(canvas, answered);
      show(section, file, canvas, answered, (performance.now() - begun) / 1000);
    } catch (error) {
      make("h2", section, `${file.name} cannot be answered`);
      make("p", section, String(error));
    }
    part("answers").prepend(section);
  }
}

try {
  const opened = await open();
  let queue = Promise.resolve();
  const next = files => { queue = queue.then(() => take(opened, [...files])); };
  part("files").onchange = ({target}) => next(target.files);
  document.ondragover = event => { event.preventDefault(); document.body.className = "over"; };
  document.ondragleave = () => { document.body.className = ""; };
  document.ondrop = event => { event.preventDefault(); document.body.className = ""; next(event.dataTransfer.files); };
  part("files").disabled = false;
  part("status").textContent = "or choose files";
} catch (error) {
  part("status").textContent = `This browser cannot open the model: ${error}`;
}
