/** The house rules of ARCHITECTURE.md as tests. Every finding is a line `file:line: what is wrong`. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, extname, join } from "node:path";
import { test } from "node:test";
import { errorsPage } from "./docs.ts";
import { ROOT } from "./stages.ts";

/** Who may import whom, by package name. The drawing in ARCHITECTURE.md says the same. */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  protocol: ["core"],
  store: ["core"],
  master: ["core", "protocol", "store"],
  agent: ["core", "protocol"],
  sdk: ["protocol"],
  cli: ["sdk", "protocol", "master", "agent"],
};
/** The only files of the CLI that may load the master or the agent, and those only when they run (`hw` shows its probe). */
const CLI_LOADERS = /^packages\/cli\/src\/(.*\/)?(dev|serve|join|hw)(\.test)?\.ts$/;

const CORE_BANNED: readonly [RegExp, string][] = [
  [/["']node:/, "imports of node:"],
  // With an argument it only formats a time that the core was given.
  [/\bDate\.now\b|\bnew Date\(\s*\)/, "reading the clock"],
  [/\bperformance\./, "reading the clock"],
  [/\bMath\.random\b|\bcrypto\./, "randomness"],
  [/\basync\b|\bawait\b|\bPromise\b/, "async"],
  [/\bprocess\./, "the process"],
  [/\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/, "timers"],
];

const LINES_MAX = 400;
const README_LINES_MAX = 50;
const PRODUCT_CODE = /^(packages|python|scripts|bench|e2e|examples|sim)\/.*\.(ts|mjs|py)$/;

const files = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .split("\0")
  .filter((path) => path !== "" && existsSync(join(ROOT, path)));
const text = new Map(files.filter(isText).map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));

function isText(path: string): boolean {
  return !/\.(png|gif|jpg|ico|woff2|zip|whl|db)$/.test(path);
}

/** `visit` is called for every line of the files that `wanted` takes, and answers with a complaint or nothing. */
function complaints(wanted: RegExp, visit: (line: string, path: string) => string | undefined): string[] {
  const found: string[] = [];
  for (const [path, content] of text) {
    if (!wanted.test(path)) continue;
    content.split("\n").forEach((line, index) => {
      const complaint = visit(line, path);
      if (complaint !== undefined) found.push(`${path}:${index + 1}: ${complaint}`);
    });
  }
  return found;
}

function none(found: readonly string[]): void {
  assert.equal(found.length, 0, `\n${found.join("\n")}`);
}

/** Without comments: those may speak of what the code must not do. */
function code(line: string): string {
  return line.replace(/^\s*(\/\*\*?|\*|\/\/).*$/, "").replace(/\/\/ .*$/, "");
}

test("packages import only what the table allows, through the packages' exports", () => {
  none(
    complaints(/^packages\/.*\.ts$/, (line, path) => {
      const specifier = /(?:from|import)\s*\(?\s*["']([^"']+)["']/.exec(code(line))?.[1];
      if (specifier === undefined) return undefined;
      const owner = path.split("/")[1] ?? "";
      const allowed = IMPORTS[owner];
      if (allowed === undefined) return `package ${owner} is not in the import table of scripts/tidy.test.ts`;
      return specifier.startsWith(".")
        ? leavesPackage(path, specifier)
        : imported(path, owner, allowed, specifier, line);
    }),
  );
});

function leavesPackage(path: string, specifier: string): string | undefined {
  const target = join(path, "..", specifier).split("/").slice(0, 2).join("/");
  const own = path.split("/").slice(0, 2).join("/");
  return target === own ? undefined : `${specifier} leaves the package: import it by its name`;
}

function imported(
  path: string,
  owner: string,
  allowed: readonly string[],
  specifier: string,
  line: string,
): string | undefined {
  const target = /^@titan\/([a-z]+)/.exec(specifier)?.[1];
  if (target === undefined || target === owner) return undefined;
  if (!allowed.includes(target)) return `${owner} must not import ${target}`;
  const isWhole = target === "master" || target === "agent";
  if (owner === "cli" && isWhole && !/\bimport type\b/.test(line)) {
    if (!CLI_LOADERS.test(path)) return `only dev, serve, join and hw load ${target}`;
    if (!/\bimport\(/.test(line)) return `${target} is loaded when needed: await import("${specifier}")`;
  }
  return undefined;
}

// core/src/testing holds what its tests share, and only they import it.
test("the core is pure", () => {
  none(
    complaints(/^packages\/core\/src\/(?!testing\/).*(?<!\.test)\.ts$/, (line) => {
      const hit = CORE_BANNED.find(([pattern]) => pattern.test(code(line)));
      return hit === undefined ? undefined : `the core does without ${hit[1]}: ${line.trim()}`;
    }),
  );
});

// The simulator may import everything, through the packages' exports; what is shipped never needs it.
test("nobody imports the simulator, and it takes packages by their exports", () => {
  none([
    ...complaints(/^(packages|bench|e2e|examples|scripts)\/.*\.ts$/, (line) =>
      /(?:from|import)\s*\(?\s*["'](?:[^"']*\/)?sim\//.test(code(line))
        ? "must not import the simulator"
        : undefined,
    ),
    ...complaints(/^sim\/.*\.ts$/, (line) =>
      /(?:from|import)\s*\(?\s*["'][^"']*packages\//.test(code(line))
        ? "import it by its package's name"
        : undefined,
    ),
    ...complaints(/^packages\/(?!master|agent).*\.ts$/, (line) =>
      /@titan\/(master|agent)\/simulation/.test(code(line)) ? "./simulation is for the simulator" : undefined,
    ),
  ]);
});

test("the simulator depends on its seed alone", () => {
  none(
    complaints(/^sim\/(?!main\.ts|hunt\.ts)(?!.*\.test\.ts).*\.ts$/, (line) =>
      /\bDate\.now\b|\bnew Date\(|\bMath\.random\b|\brandomUUID\b|\bsetTimeout\b|\bperformance\./.test(
        code(line),
      )
        ? `not of the seed: ${line.trim()}`
        : undefined,
    ),
  );
});

test("titan_sdk knows nothing of Dagster", () => {
  none(
    complaints(/^python\/titan_sdk\/src\/.*\.py$/, (line) =>
      /^\s*(import|from)\s+(dagster|dagster_titan)\b/.test(line)
        ? "titan_sdk must not import dagster"
        : undefined,
    ),
  );
});

test("files are short and their names say what they hold", () => {
  const found: string[] = [];
  for (const [path, content] of text) {
    if (!PRODUCT_CODE.test(path)) continue;
    const lines = content.split("\n").length - 1;
    if (lines > LINES_MAX) found.push(`${path}:${LINES_MAX}: ${lines} lines, the most is ${LINES_MAX}`);
  }
  for (const path of files) {
    const empty = path
      .split("/")
      .find((part) => /^(utils?|helpers?|common|misc)$/i.test(basename(part, extname(part))));
    if (empty !== undefined) found.push(`${path}:1: "${empty}" says nothing`);
  }
  none(found);
});

test("nothing unfinished is left", () => {
  // The brackets keep this line from being a finding itself.
  const marks = /\b(FIXM[E]|XX[X]|TOD[O])\b/;
  const focused = /\b(test|it|describe|suite)\.(only|skip|todo)\(|@pytest\.mark\.skip\(|\bonly: true\b/;
  none(
    complaints(/^(packages|python|scripts|bench|e2e|examples|docs|sim)\//, (line) => {
      if (marks.test(line)) return line.trim();
      return focused.test(line) ? `a test that is left out or runs alone: ${line.trim()}` : undefined;
    }),
  );
});

test("every package has a README of a screenful", () => {
  const found: string[] = [];
  for (const manifest of files.filter((path) =>
    /^(packages|python)\/[^/]+\/(package\.json|pyproject\.toml)$/.test(path),
  )) {
    const readme = join(manifest, "..", "README.md");
    const lines = text.get(readme)?.trimEnd().split("\n").length;
    if (lines === undefined)
      found.push(`${readme}:1: missing: what belongs here, what may not, where to enter`);
    else if (lines > README_LINES_MAX)
      found.push(`${readme}:${lines}: the most is ${README_LINES_MAX} lines`);
  }
  none(found);
});

test("docs/errors.md is what scripts/docs.ts makes", () => {
  assert.equal(text.get("docs/errors.md"), errorsPage(), "run: npm run docs");
});

test("nothing of this machine is in the tree", () => {
  // Registries are the user's choice: neither the lock file nor a configuration may name one.
  const registry = /"resolved":\s*"https?:|(index-url|registry)\s*[=:]\s*["']?https?:/;
  // A home or checkout of one segment, such as /root or /app, is a word like any other.
  const places = [ROOT, homedir()].filter((place) => place.split("/").length > 2);
  none(
    complaints(/./, (line) => {
      const place = places.find((word) => line.includes(word));
      if (place !== undefined) return `names a place of this machine: ${place}`;
      return registry.test(line) ? "names a registry" : undefined;
    }),
  );
});

test("relative links in the documents lead somewhere", () => {
  none(
    complaints(/\.md$/, (line, path) => {
      for (const [, target = ""] of line.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        if (!existsSync(join(ROOT, path, "..", target))) return `no such file: ${target}`;
      }
      return undefined;
    }),
  );
});
