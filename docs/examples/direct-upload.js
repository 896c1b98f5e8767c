// Sends a video of any size from the browser to the media host itself, Cloudinary or a bucket, under a ticket of the
// API. To copy: it needs nothing but fetch. The file goes in chunks, and what is confirmed is not sent again: not after
// a broken connection, not after a reload. To go on, call uploadVideo again with the same file.

const TRIES = 6; // of one request; after them the upload rests until uploadVideo is called again
const LONGEST_WAIT_SECONDS = 60; // a quota that opens at midnight is nothing to wait for here
const TIMEOUT_MS = 600_000; // a dead connection may never say so; on a slow one 8 MiB take minutes
const OVER = ["upload_not_found", "upload_expired", "video_not_found", "not_a_video", "larger_than_reserved"];

/** Resolves to the video. `onProgress(sentBytes, totalBytes)` counts what the media host has confirmed; abort `signal`
 * to pause; `storage` remembers this file's upload across reloads. An `uploadId` out of check_storage's `open_uploads`
 * goes on with what was begun in another browser.
 *
 * Errors have the members of the API's problem document, `code` and `message` among them; the code is `network_error`
 * where nobody answered, and `media_host_refused` where the media host said no. */
export async function uploadVideo({ file, storage = localStorage, ...options }) {
  const memory = remember(storage, file);
  try {
    const video = await new Upload({ file, memory, ...options }).run();
    memory.forget();
    return video;
  } catch (error) {
    if (OVER.includes(error.code)) memory.forget(); // there is nothing to go on with
    throw error;
  }
}

/** Gives up the upload of this id, or of this file, and what was reserved for it. Pause it first; a video stays. */
export async function cancelUpload({ api, token, file, uploadId, storage = localStorage }) {
  const memory = file && remember(storage, file);
  const id = uploadId ?? memory?.read().upload_id;
  if (id) await giveUp(api, token, id, memory);
}

async function giveUp(api, token, id, memory) {
  await retrying(() => call(api, token, "DELETE", `/delete_video/${id}`)).catch((error) => {
    if (error.status !== 404) throw error; // 404: it is over already
  });
  memory?.forget();
}

class Upload {
  constructor({ api, token, file, title, uploadId, memory, signal, onProgress = () => {} }) {
    Object.assign(this, { file, title, memory, signal, onProgress, id: uploadId ?? memory.read().upload_id });
    this.ask = (method, path, body) => call(api, token, method, path, body, signal);
    this.post = (path, body) => retrying(() => this.ask("POST", path, body), signal); // for what is safe to repeat
    this.giveUp = () => giveUp(api, token, this.id, memory); // or the reservation stays until the ticket expires
  }

  async run() {
    await this.open();
    for (let round = 1; ; round += 1) {
      await this.sendMissing();
      try {
        return (await this.post("/complete_upload", { upload_id: this.id })).file;
      } catch (error) {
        if (error.code !== "upload_incomplete" || round === 3) throw error;
      }
      await pause(round, this.signal);
      if (round > 1) this.memory.write({ upload_id: this.id }); // the host has lost something: all of it again
      await this.renew(); // a bucket says which parts are missing
    }
  }

  async open() {
    try {
      if (this.id) return await this.renew();
    } catch (error) {
      if (!OVER.includes(error.code)) throw error; // too late for that one: a new upload
    }
    this.take(await retrying((tries) => this.newTicket(tries), this.signal));
  }

  async newTicket(tries) {
    const { title, file: { name: filename, size: size_bytes, type: content_type } } = this;
    if (tries > 1) {
      // Perhaps only the answer to the last try got lost: then there is a reservation, and no room for a second one.
      const { open_uploads: open } = await this.ask("GET", "/check_storage");
      const mine = open.find((one) => one.title === title.trim() && one.size_bytes === size_bytes);
      if (mine) return this.ask("POST", "/upload_video", { upload_id: mine.upload_id });
    }
    return this.ask("POST", "/upload_video", { title, filename, size_bytes, content_type });
  }

  /** The ticket once more: with fresh signatures, and with what has arrived. */
  async renew() {
    try {
      this.take(await this.post("/upload_video", { upload_id: this.id }));
    } catch (error) {
      if (error.code !== "upload_complete") throw error;
      this.chunks = []; // the media host told the API first: complete_upload answers the video
    }
  }

  take(ticket) {
    const { parts, received_parts: received, chunk_size_bytes: step, size_bytes: total, url, upload_id: id } = ticket;
    if (total !== this.file.size) throw problem("wrong_file", "This is not the file that the upload was begun with");
    const { upload_id: known, sent_bytes: sent = 0 } = this.memory.read();
    const start = known === id ? sent : 0;
    this.memory.write({ upload_id: id, sent_bytes: start });
    // A bucket says what it has. Cloudinary does not: what it confirmed is what we remember.
    const chunks = parts?.filter((part) => !received.includes(part.number)) ?? [];
    for (let offset_bytes = start; !parts && offset_bytes < total; offset_bytes += step) {
      chunks.push({ offset_bytes, size_bytes: Math.min(step, total - offset_bytes), url });
    }
    Object.assign(this, { ticket, id, chunks });
  }

  async sendMissing() {
    const total = this.file.size;
    const report = () => this.onProgress(this.chunks.reduce((left, chunk) => left - chunk.size_bytes, total), total);
    let failure = null;
    for (report(); this.chunks.length; report()) {
      const [chunk] = this.chunks;
      try {
        await retrying(() => this.send(chunk), this.signal);
        this.chunks.shift();
        this.memory.write({ upload_id: this.id, sent_bytes: chunk.offset_bytes + chunk.size_bytes });
        failure = null;
      } catch (error) {
        this.signal?.throwIfAborted();
        if (failure && !isPassing(failure)) await this.giveUp(); // the media host does not want this file
        if (failure) throw failure;
        failure = error;
        await this.renew(); // its signatures may have got too old: once more with fresh ones
      }
    }
  }

  /** One chunk; in order, as Cloudinary wants them. Twice does no harm, should only the answer have got lost. */
  send({ offset_bytes: start, size_bytes: size, url }) {
    const { host, method, headers, fields } = this.ticket;
    const bytes = this.file.slice(start, start + size); // read from the disk while it is sent
    if (host === "s3") return request(url, { method, headers, body: bytes }, this.signal, "media_host_refused");
    const range = { "Content-Range": `bytes ${start}-${start + size - 1}/${this.file.size}` };
    const body = new FormData();
    for (const [name, value] of Object.entries({ ...fields, file: bytes })) body.append(name, value);
    return request(url, { method, headers: { ...headers, ...range }, body }, this.signal, "media_host_refused");
  }
}

function call(api, token, method, path, body, signal) {
  const headers = { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": "application/json" }) };
  return request(api + path, { method, headers, body: body && JSON.stringify(body) }, signal, "http_error");
}

/** The answer's JSON, {} where it has none. `code` is for refusals that are no problem documents. */
async function request(url, options, signal, code) {
  let answer, text;
  try {
    const signals = [AbortSignal.timeout(TIMEOUT_MS), ...(signal ? [signal] : [])];
    answer = await fetch(url, { ...options, signal: AbortSignal.any(signals) });
    text = await answer.text();
  } catch (cause) {
    signal?.throwIfAborted();
    throw problem("network_error", "The connection failed", { cause });
  }
  const said = answer.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : {};
  if (answer.ok) return said;
  const message = said.error?.message ?? text.match(/<Message>(.*?)<\/Message>/)?.[1] ?? `HTTP ${answer.status}`;
  const wait = Number(answer.headers.get("Retry-After")) || undefined;
  throw problem(code, message, { retry_after_seconds: wait, ...said, status: answer.status });
}

const problem = (code, message, members) => Object.assign(new Error(message), { code, ...members });

/** Whether the same may succeed a moment later. */
const isPassing = ({ code, status }) => code === "network_error" || [408, 423, 429].includes(status) || status >= 500;

/** Repeats what may succeed; `send` is told which try it is. */
async function retrying(send, signal) {
  for (let tries = 1; ; tries += 1) {
    try {
      return await send(tries);
    } catch (error) {
      const seconds = error.retry_after_seconds ?? 2 ** tries / 4;
      if (!isPassing(error) || tries === TRIES || seconds > LONGEST_WAIT_SECONDS) throw error;
      await pause(seconds, signal);
    }
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** What is known of this file's upload: {upload_id, sent_bytes}. */
function remember(storage, file) {
  const key = `direct-upload:${file.name}:${file.size}:${file.lastModified}`;
  return {
    read: () => JSON.parse(storage.getItem(key) ?? "{}"),
    write: (known) => storage.setItem(key, JSON.stringify(known)),
    forget: () => storage.removeItem(key),
  };
}
