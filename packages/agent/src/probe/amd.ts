/** AMD devices: rocm-smi or amd-smi for names, the kernel's own folders for what is there without any tool. */
import type { Device } from "@titan/core";
import type { Evidence, Look } from "./look.ts";
import { count, type Found } from "./nvidia.ts";

const ROCM_SMI = ["--showproductname", "--showmeminfo", "vram", "--showuniqueid", "--json"];
const AMD_SMI = ["static", "--asic", "--vram", "--json"];
const KFD = "/sys/class/kfd/kfd/topology/nodes";

type Fields = Record<string, unknown>;

/** `{"card0": {"Card Series": …, "VRAM Total Memory (B)": "…"}, …}`; other text gives nothing. */
export function parseRocmSmi(text: string): Device[] {
  const cards = Object.entries(asFields(parse(text))).filter(([name]) => /^card\d+$/.test(name));
  return cards
    .map(([name, value]): Device => {
      const card = asFields(value);
      const series = [card["Card Series"], card["Card series"], card["Card Model"], card["Card model"]];
      // An id such as 0x740f where a name should be says nothing to people.
      const model = series.find((each) => typeof each === "string" && !/^(0x[0-9a-f]+|N\/A)$/i.test(each));
      const unique = card["Unique ID"];
      return {
        index: Number(name.slice(4)),
        vendor: "amd",
        model: typeof model === "string" ? model : "AMD GPU",
        memoryBytes: amount(card["VRAM Total Memory (B)"]),
        uuid: typeof unique === "string" && unique !== "N/A" ? unique : null,
      };
    })
    .sort((a, b) => a.index - b.index);
}

/** A list of `{gpu, asic: {market_name, asic_serial}, vram: {size: {value, unit}}}`, in newer versions under `gpu_data`. */
export function parseAmdSmi(text: string): Device[] {
  const parsed = parse(text);
  const list = Array.isArray(parsed) ? parsed : asFields(parsed).gpu_data;
  if (!Array.isArray(list)) return [];
  return list.map((item: unknown, at): Device => {
    const card = asFields(item);
    const asic = asFields(card.asic);
    const size = asFields(asFields(card.vram).size);
    const unit = size.unit === "GB" ? 1024 ** 3 : 1024 ** 2;
    return {
      index: typeof card.gpu === "number" ? card.gpu : at,
      vendor: "amd",
      model: typeof asic.market_name === "string" ? asic.market_name : "AMD GPU",
      memoryBytes: amount(size.value) * unit,
      uuid: typeof asic.asic_serial === "string" ? asic.asic_serial : null,
    };
  });
}

/** `key value` lines of the kernel's topology. */
export function parseProperties(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split("\n")
      .map((line) => line.trim().split(/\s+/, 2) as [string, string])
      .filter(([key]) => key),
  );
}

export async function probeAmd(look: Look): Promise<Found> {
  const rocm = await look.run("rocm-smi", ROCM_SMI);
  let devices = rocm.ok ? parseRocmSmi(rocm.stdout) : [];
  const evidence: Evidence[] = [
    { about: "gpu", looked: "rocm-smi", found: rocm.ok ? count(devices.length) : rocm.why },
  ];
  if (devices.length === 0) {
    const smi = await look.run("amd-smi", AMD_SMI);
    devices = smi.ok ? parseAmdSmi(smi.stdout) : [];
    evidence.push({ about: "gpu", looked: "amd-smi", found: smi.ok ? count(devices.length) : smi.why });
  }
  const kernel = await kernelDevices(look);
  evidence.push({ about: "gpu", looked: KFD, found: kernel === null ? "not found" : count(kernel.length) });
  if (devices.length === 0) devices = kernel ?? [];
  const warnings: string[] = [];
  if (devices.length === 0) {
    const cards = await drmCards(look);
    evidence.push({
      about: "gpu",
      looked: "/sys/class/drm",
      found: cards === 0 ? "no AMD device" : `${count(cards)} of AMD`,
    });
    if (cards > 0) {
      warnings.push(
        `there are signs of ${count(cards)} of AMD without its compute driver (amdkfd); to offer them anyway: --gpus ${cards}`,
      );
    }
  }
  return { devices, evidence, warnings };
}

/** Nodes with vector units are GPUs; they count from 0 in their order, as HIP counts them. */
async function kernelDevices(look: Look): Promise<Device[] | null> {
  const names = await look.list(KFD);
  if (names === null) return null;
  const devices: Device[] = [];
  for (const name of [...names].sort((a, b) => Number(a) - Number(b))) {
    const properties = parseProperties((await look.read(`${KFD}/${name}/properties`)) ?? "");
    if (Number(properties.simd_count ?? 0) === 0) continue;
    const card = `/sys/class/drm/renderD${properties.drm_render_minor}/device`;
    const product = (await look.read(`${card}/product_name`))?.trim();
    const chip = (await look.read(`${KFD}/${name}/name`))?.trim();
    devices.push({
      index: devices.length,
      vendor: "amd",
      model: product || (chip ? `AMD ${chip}` : "AMD GPU"),
      memoryBytes: amount((await look.read(`${card}/mem_info_vram_total`))?.trim()),
      uuid:
        properties.unique_id && properties.unique_id !== "0"
          ? `0x${BigInt(properties.unique_id).toString(16)}`
          : null,
    });
  }
  return devices;
}

async function drmCards(look: Look): Promise<number> {
  const cards = ((await look.list("/sys/class/drm")) ?? []).filter((name) => /^card\d+$/.test(name));
  const vendors = await Promise.all(cards.map((name) => look.read(`/sys/class/drm/${name}/device/vendor`)));
  return vendors.filter((vendor) => vendor?.trim() === "0x1002").length;
}

function parse(text: string): unknown {
  // Some versions print warnings before the JSON.
  const start = text.search(/[[{]/);
  try {
    return start < 0 ? null : JSON.parse(text.slice(start));
  } catch {
    return null;
  }
}

function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function amount(value: unknown): number {
  const number = Number(value);
  return Number.isFinite(number) && number > 0 ? number : 0;
}
