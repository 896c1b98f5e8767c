// Runs docs/examples/direct-upload.js as a page would. The command line is one JSON document; what happens is printed, a
// JSON line for each event.
//
//   action    "upload" or "cancel"; api, token, title, uploadId: as the page would give them
//   path      the file
//   storage   a JSON file in the place of localStorage: another run with the same one is the page after a reload
//   lines     {port: port}: connections to the one go to the other, where a line of the test listens
//   pauseAt   pauses once so many bytes are confirmed

import { openAsBlob, readFileSync, writeFileSync } from "node:fs";
import net from "node:net";

const { action, path, storage: storagePath, lines, pauseAt, ...page } = JSON.parse(process.argv[2]);
const source = readFileSync(new URL("../../docs/examples/direct-upload.js", import.meta.url), "utf8");
// Not by its path: for Node a .js file is a CommonJS module.
const { cancelUpload, uploadVideo } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

const say = (event, facts) => process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);

const stored = () => JSON.parse(readFileSync(storagePath, "utf8"));
const store = (key, value) => writeFileSync(storagePath, JSON.stringify({ ...stored(), [key]: value }));
const storage = { getItem: (key) => stored()[key] ?? null, setItem: store, removeItem: (key) => store(key) };

// Beneath fetch, which sends the right Host header then: a bucket's signatures cover it.
const connect = net.connect;
net.connect = (options) => connect({ ...options, port: lines[options.port] ?? options.port });

const fetchSilently = globalThis.fetch;
globalThis.fetch = (url, options) => {
  say("request", { call: `${options.method} ${new URL(url).pathname}` });
  return fetchSilently(url, options);
};

const file = new File([await openAsBlob(path)], "clip.mp4", { type: "video/mp4", lastModified: 1_700_000_000_000 });
const pausing = new AbortController();
const onProgress = (sentBytes, totalBytes) => {
  say("progress", { sentBytes, totalBytes });
  if (sentBytes >= pauseAt) pausing.abort();
};
try {
  const act = action === "cancel" ? cancelUpload : uploadVideo;
  say("done", { video: await act({ ...page, file, storage, onProgress, signal: pausing.signal }) });
} catch (error) {
  say("failed", { name: error.name, code: error.code, message: error.message, status: error.status });
}
process.exit(); // without waiting for the timers of a pause that was cut short
