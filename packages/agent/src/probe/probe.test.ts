import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAmdSmi, parseRocmSmi, probeAmd } from "./amd.ts";
import { parseCpuMax, parseGroups, parseMemoryLimit, probeLimits } from "./limits.ts";
import type { Answer, Look } from "./look.ts";
import { parseNvidiaSmi, probeNvidia } from "./nvidia.ts";
import { applyOverrides, parseLabel, parseMemory, parseNodeSpec } from "./overrides.ts";
import { probe } from "./probe.ts";
import { visibleDevices } from "./visible.ts";

const GIB = 1024 ** 3;
const MISSING: Answer = { ok: false, missing: true, why: "not found" };

/** A machine with these files and tools. */
function machine(files: Record<string, string>, tools: Record<string, Answer> = {}): Look {
  return {
    read: async (path) => files[path] ?? null,
    list: async (path) => {
      const inside = Object.keys(files).filter((file) => file.startsWith(`${path}/`));
      const names = new Set(inside.map((file) => file.slice(path.length + 1).split("/")[0] as string));
      return names.size === 0 ? null : [...names];
    },
    run: async (program) => tools[program] ?? MISSING,
  };
}

const H200 = "0, GPU-8a1f6f4e-2c1d-4a3b-9c55-0d2f7b1e6a10, NVIDIA H200, 143771\n";
const TWO_A100 = [
  "0, GPU-11111111-aaaa-bbbb-cccc-000000000001, NVIDIA A100-SXM4-80GB, 81920",
  "1, GPU-22222222-aaaa-bbbb-cccc-000000000002, NVIDIA A100-SXM4-80GB, 81920",
].join("\n");
const ROCM = JSON.stringify({
  card0: {
    "Unique ID": "0x6f3a",
    "VRAM Total Memory (B)": "68702699520",
    "Card Series": "AMD INSTINCT MI250X",
    "Card Model": "0x740c",
  },
  card1: {
    "Unique ID": "N/A",
    "VRAM Total Memory (B)": "68702699520",
    "Card Series": "N/A",
    "Card Model": "0x740c",
  },
  system: { "Driver version": "6.3.6" },
});
const AMD_SMI = JSON.stringify([
  {
    gpu: 0,
    asic: { market_name: "MI300X", asic_serial: "0x1A2B" },
    vram: { size: { value: 196592, unit: "MB" } },
  },
]);

describe("NVIDIA", () => {
  it("reads what nvidia-smi prints", () => {
    assert.deepEqual(parseNvidiaSmi(H200), [
      {
        index: 0,
        vendor: "nvidia",
        model: "NVIDIA H200",
        memoryBytes: 143771 * 1024 ** 2,
        uuid: "GPU-8a1f6f4e-2c1d-4a3b-9c55-0d2f7b1e6a10",
      },
    ]);
    assert.equal(parseNvidiaSmi(TWO_A100).length, 2);
    assert.equal(parseNvidiaSmi("0, GPU-x, NVIDIA GB10, [N/A]\n")[0]?.memoryBytes, 0);
    assert.deepEqual(parseNvidiaSmi("No devices were found\n\n"), []);
  });

  it("says what it looked for, and warns where the signs disagree", async () => {
    const loaded = { "/proc/driver/nvidia/gpus/0000:01:00.0/information": "" };
    const container = await probeNvidia(machine(loaded));
    assert.deepEqual(
      container.evidence.map((each) => [each.looked, each.found]),
      [
        ["nvidia-smi", "not found"],
        ["/proc/driver/nvidia", "1 device: the driver is loaded"],
        ["/dev/nvidia*", "not found"],
      ],
    );
    assert.match(container.warnings[0] ?? "", /in a container\? start it with --gpus all/);
    const broken: Answer = {
      ok: false,
      missing: false,
      why: "Failed to initialize NVML: Driver/library version mismatch",
    };
    const mismatch = await probeNvidia(
      machine({ ...loaded, "/dev/nvidia0": "", "/dev/nvidiactl": "" }, { "nvidia-smi": broken }),
    );
    assert.match(mismatch.warnings[0] ?? "", /version mismatch; to offer them anyway: --gpus 1/);
    assert.deepEqual((await probeNvidia(machine({}))).warnings, []);
  });
});

describe("AMD", () => {
  it("reads rocm-smi and amd-smi", () => {
    const [first, second] = parseRocmSmi(`WARNING: something\n${ROCM}`);
    assert.deepEqual(first, {
      index: 0,
      vendor: "amd",
      model: "AMD INSTINCT MI250X",
      memoryBytes: 68702699520,
      uuid: "0x6f3a",
    });
    assert.deepEqual([second?.model, second?.uuid], ["AMD GPU", null]);
    assert.deepEqual(parseRocmSmi("ERROR: no driver"), []);
    assert.deepEqual(parseAmdSmi(AMD_SMI), [
      { index: 0, vendor: "amd", model: "MI300X", memoryBytes: 196592 * 1024 ** 2, uuid: "0x1A2B" },
    ]);
    assert.equal(parseAmdSmi(`{"gpu_data": ${AMD_SMI}}`).length, 1);
  });

  it("finds devices in the kernel's folders where there is no tool", async () => {
    const nodes = "/sys/class/kfd/kfd/topology/nodes";
    const found = await probeAmd(
      machine({
        [`${nodes}/0/properties`]: "cpu_cores_count 16\nsimd_count 0\n",
        [`${nodes}/1/properties`]: "simd_count 440\nunique_id 12345\ndrm_render_minor 128\n",
        [`${nodes}/1/name`]: "aldebaran\n",
        "/sys/class/drm/renderD128/device/mem_info_vram_total": "68702699520\n",
      }),
    );
    assert.deepEqual(found.devices, [
      { index: 0, vendor: "amd", model: "AMD aldebaran", memoryBytes: 68702699520, uuid: "0x3039" },
    ]);
    const bare = await probeAmd(machine({ "/sys/class/drm/card0/device/vendor": "0x1002\n" }));
    assert.match(bare.warnings[0] ?? "", /signs of 1 device of AMD without its compute driver/);
  });
});

describe("limits", () => {
  const box = { cpus: 8, allowedCpus: 6, memoryBytes: 64 * GIB };

  it("reads control groups of both versions", () => {
    assert.deepEqual(parseGroups("9:memory:/a/b\n2:cpu,cpuacct:/c\n0::/d\n"), {
      unified: "/d",
      cpu: "/c",
      memory: "/a/b",
    });
    assert.equal(parseCpuMax("150000 100000\n"), 1500);
    assert.equal(parseCpuMax("max 100000\n"), null);
    assert.equal(parseMemoryLimit("9223372036854771712\n"), null);
    assert.equal(parseMemoryLimit("max"), null);
  });

  it("takes the lowest limit on the way up, and says where it is", async () => {
    const v2 = machine({
      "/proc/self/cgroup": "0::/user.slice/titan\n",
      "/sys/fs/cgroup/user.slice/titan/cpu.max": "max 100000",
      "/sys/fs/cgroup/user.slice/cpu.max": "250000 100000",
      "/sys/fs/cgroup/user.slice/titan/memory.max": String(4 * GIB),
    });
    const limits = await probeLimits(v2, box);
    assert.deepEqual([limits.cpuMillis, limits.memoryBytes], [2500, 4 * GIB]);
    assert.ok(
      limits.evidence.some(
        (each) => each.looked === "/sys/fs/cgroup/user.slice/cpu.max" && each.found === "limit of 2.5 CPUs",
      ),
    );
  });

  it("knows version 1, also where a container sees another path than the host", async () => {
    const v1 = machine({
      "/proc/self/cgroup": "4:memory:/docker/abc\n1:cpu,cpuacct:/docker/abc\n",
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000",
      "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": String(2 * GIB),
    });
    const limits = await probeLimits(v1, box);
    assert.deepEqual([limits.cpuMillis, limits.memoryBytes], [4000, 2 * GIB]);
  });

  it("takes affinity where nothing else limits", async () => {
    const limits = await probeLimits(machine({}), box);
    assert.deepEqual([limits.cpuMillis, limits.memoryBytes], [6000, 64 * GIB]);
  });
});

describe("visible devices", () => {
  const two = parseNvidiaSmi(TWO_A100);
  const indexes = (env: NodeJS.ProcessEnv): number[] =>
    visibleDevices(two, env).devices.map((each) => each.index);

  it("keeps what the agent's own environment leaves", () => {
    assert.deepEqual(indexes({}), [0, 1]);
    assert.deepEqual(indexes({ CUDA_VISIBLE_DEVICES: "1" }), [1]);
    assert.deepEqual(indexes({ CUDA_VISIBLE_DEVICES: "" }), []);
    assert.deepEqual(indexes({ CUDA_VISIBLE_DEVICES: "0,-1,1" }), [0]);
    assert.deepEqual(indexes({ CUDA_VISIBLE_DEVICES: "GPU-2222" }), [1]);
    assert.deepEqual(indexes({ NVIDIA_VISIBLE_DEVICES: "all" }), [0, 1]);
    assert.deepEqual(indexes({ NVIDIA_VISIBLE_DEVICES: "none" }), []);
    assert.deepEqual(visibleDevices(two, { CUDA_VISIBLE_DEVICES: "1" }).notes, [
      "CUDA_VISIBLE_DEVICES=1 leaves 1 of 2",
    ]);
  });

  it("does not apply twice what the container runtime has applied", () => {
    assert.deepEqual(indexes({ NVIDIA_VISIBLE_DEVICES: "2,3" }), [0, 1]);
    assert.deepEqual(indexes({ NVIDIA_VISIBLE_DEVICES: "1" }), [1]);
  });
});

describe("overrides", () => {
  const found = { cpuMillis: 2000, memoryBytes: GIB, devices: parseNvidiaSmi(TWO_A100) };

  it("declares what is not there, and leaves out what is too much", () => {
    const three = applyOverrides(found, { gpus: 3 }).devices;
    assert.deepEqual(
      three.map((each) => [each.index, each.vendor]),
      [
        [0, "nvidia"],
        [1, "nvidia"],
        [2, "declared"],
      ],
    );
    assert.deepEqual(
      applyOverrides(found, { gpus: 1 }).devices.map((each) => each.index),
      [0],
    );
    assert.deepEqual(
      applyOverrides(found, { gpus: 1, pretend: true }).devices.map((each) => each.vendor),
      ["declared"],
    );
    assert.equal(applyOverrides(found, { cpus: 0.5 }).cpuMillis, 500);
  });

  it("reads a node's description", () => {
    const spec = parseNodeSpec(
      "name=x,gpus=1,cpus=4,mem=8G,gpu_model=A100,gpu_memory=80GB,label.disk=ssd,label.fast",
    );
    assert.deepEqual(spec, {
      name: "x",
      labels: { disk: "ssd", fast: "true" },
      overrides: {
        pretend: true,
        gpus: 1,
        cpus: 4,
        memoryBytes: 8 * GIB,
        gpuModel: "A100",
        gpuMemoryBytes: 80 * GIB,
      },
    });
    assert.equal(parseNodeSpec("name=plain").overrides.gpus, 0, "no real device goes to a pretended node");
  });

  it("refuses what it does not understand, naming it", () => {
    for (const bad of ["gpu=1", "gpus=-1", "cpus=0", "mem=lots", "name", "label.=x"]) {
      assert.throws(() => parseNodeSpec(bad), { code: "usage" }, bad);
    }
    assert.throws(() => parseNodeSpec("gpu=1"), /"gpu=1".*gpus=/);
    assert.equal(parseMemory("1.5T"), 1.5 * 1024 * GIB);
    assert.deepEqual(parseLabel("fast"), { fast: "true" });
  });
});

describe("probe", () => {
  it("offers one vendor's devices, because a job is shown one list of numbers", async () => {
    const look = machine(
      {},
      { "nvidia-smi": { ok: true, stdout: TWO_A100 }, "rocm-smi": { ok: true, stdout: ROCM } },
    );
    const parts = {
      look,
      machine: { cpus: 4, allowedCpus: 4, memoryBytes: GIB },
      env: { CUDA_VISIBLE_DEVICES: "0" },
    };
    const result = await probe({}, parts);
    assert.deepEqual(
      result.capacity.devices.map((each) => each.vendor),
      ["amd", "amd"],
    );
    assert.match(result.warnings[0] ?? "", /devices of two vendors/);
  });

  it("looks at this machine without failing", async () => {
    const { capacity, evidence } = await probe();
    assert.ok(capacity.cpuMillis > 0 && capacity.memoryBytes > 0);
    assert.ok(evidence.some((each) => each.looked === "nvidia-smi"));
  });
});
