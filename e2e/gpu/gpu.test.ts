/**
 * What only a real NVIDIA GPU can show: that it is found as it is, that jobs see theirs and no other, and that the
 * pipeline's training step runs on it. `npm run test:gpu`; without a GPU these say so and are left out.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { NodeView } from "@titan/protocol";
import { Cluster, ROOT } from "../cluster.ts";

interface Seen {
  readonly index: number;
  readonly model: string;
  readonly memoryMib: number;
}

/** What NVIDIA's own tool says, independent of our probe. */
function nvidiaSmi(): Seen[] {
  try {
    const query = ["--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits"];
    const lines = execFileSync("nvidia-smi", query, { encoding: "utf8" }).trim().split("\n");
    return lines.map((line) => {
      const [index, model = "", memory] = line.split(", ");
      return { index: Number(index), model, memoryMib: Number(memory) };
    });
  } catch {
    return [];
  }
}

const gpus = nvidiaSmi();
const options = gpus.length === 0 ? { skip: "no NVIDIA GPU here: nvidia-smi found none" } : {};
let cluster: Cluster;

before(async () => {
  // Undeclared: the node offers what the probe finds.
  if (gpus.length > 0) cluster = await Cluster.start([{ name: "gpu-node" }]);
});
after(() => cluster?.stop());

test("the node offers the GPUs that nvidia-smi shows, with model and memory", options, async () => {
  const { body } = await cluster.call<{ nodes: NodeView[] }>("GET", "/nodes");
  const offered = body.nodes[0]?.gpus ?? [];
  assert.deepEqual(
    offered.map((gpu) => [gpu.index, gpu.vendor, gpu.model]),
    gpus.map((gpu) => [gpu.index, "nvidia", gpu.model]),
  );
  for (const [at, gpu] of offered.entries()) {
    const told = (gpus[at]?.memoryMib ?? 0) * 2 ** 20;
    assert.ok(Math.abs(gpu.memory - told) <= 0.02 * told, `${gpu.memory} is not about ${told}`);
  }
});

/** Counts the devices that the CUDA driver itself shows to the process: no library of ours is asked. */
const COUNT = `
import ctypes, os
cuda = ctypes.CDLL("libcuda.so.1")
count = ctypes.c_int(-1)
error = cuda.cuInit(0)
if error == 0: cuda.cuDeviceGetCount(ctypes.byref(count))
print(os.environ["CUDA_VISIBLE_DEVICES"], 0 if error == 100 else count.value)
`;

test("the driver shows a job its own devices and no other", options, async () => {
  const command = ["python3", "-c", COUNT];
  const ids = await cluster.submit([
    { name: "with", command, gpus: 1 },
    { name: "without", command, gpus: 0 },
  ]);
  for (const id of ids)
    assert.equal((await cluster.ended(id)).state, "succeeded", (await cluster.log(id)).toString());
  const [mine = "", none = ""] = await Promise.all(
    ids.map(async (id) => (await cluster.log(id, "stdout")).toString()),
  );
  const job = await cluster.job(ids[0] ?? "");
  assert.equal(mine.trim(), `${job.devices.join()} 1`);
  assert.equal(none.trim(), "0");
});

test("a device is held by one job at a time", options, async () => {
  const gate = join(cluster.folder, "gate");
  const wait = ["sh", "-c", `while [ ! -e '${gate}' ]; do sleep 0.05; done`];
  const ids = await cluster.submit(
    Array.from({ length: gpus.length + 1 }, (_, n) => ({
      name: `hold-${n}`,
      command: wait,
      gpus: 1,
      cpus: 0.1,
    })),
  );
  const held = await Promise.all(ids.slice(0, gpus.length).map((id) => cluster.running(id)));
  assert.deepEqual(
    held.flatMap((job) => job.devices).sort((a, b) => a - b),
    gpus.map((gpu) => gpu.index),
  );
  const last = await cluster.job(ids.at(-1) ?? "");
  assert.equal(last.state, "waiting");
  assert.match(last.reason, /gpu/i);
  await cluster.submit([{ name: "open", command: ["touch", gate], cpus: 0.1 }]);
  for (const id of ids) assert.equal((await cluster.ended(id)).state, "succeeded");
});

test("a model and a memory that the GPU has are met, others wait", options, async () => {
  const model = gpus[0]?.model.split(" ").at(-1) ?? "";
  const [fits = "", never = ""] = await cluster.submit([
    { name: "fits", command: ["true"], gpus: 1, gpu_model: model.toLowerCase(), gpu_memory: "1G" },
    { name: "never", command: ["true"], gpus: 1, gpu_memory: "900G", queue_timeout_ms: 500 },
  ]);
  assert.equal((await cluster.ended(fits)).state, "succeeded");
  assert.equal((await cluster.ended(never)).cause, "queue-timeout");
});

test("the pipeline's training step runs on a GPU", options, async () => {
  const seed = join(ROOT, "..", "shared", "seed", "train.py");
  const own = join(ROOT, "examples", "pipeline", "train.py");
  const script = existsSync(seed) ? seed : own;
  const file = await cluster.file("train.py", readFileSync(script));
  const [id = ""] = await cluster.submit([
    { name: "trained_model", script: "train.py", files: [file], requirement: "GPU" },
  ]);
  const job = await cluster.ended(id);
  const log = (await cluster.log(id)).toString();
  assert.equal(job.state, "succeeded", log);
  assert.equal(job.devices.length, 1);
  assert.match(log, new RegExp(`CUDA_VISIBLE_DEVICES=${job.devices[0]}\\b`));
});
