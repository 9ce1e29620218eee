/** Whether a message has the shape that the link says. A node holds the token, but it may be of another version. */
import type { Exit, LogBytes, Report } from "@titan/core";
import type { FromNode, LogStream } from "@titan/protocol/link";
import { NAME_PATTERN } from "@titan/protocol/schemas";

type Fields = Readonly<Record<string, unknown>>;
type Hello = Extract<FromNode, { t: "hello" }>;
type Log = Extract<FromNode, { t: "log" }>;

const NAME = new RegExp(NAME_PATTERN);
const STREAMS: readonly unknown[] = ["stdout", "stderr", "titan"] satisfies LogStream[];
const STATES: readonly unknown[] = ["starting", "running", "exited"] satisfies Report["state"][];

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => Number.isFinite(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isTexts = (value: unknown): boolean => isFields(value) && Object.values(value).every(isText);
const orNull = (value: unknown, is: (value: unknown) => boolean): boolean => value === null || is(value);

export function isHello(message: FromNode): message is Hello {
  const hello = message as unknown as Fields;
  return (
    isCount(hello.oldest) &&
    isCount(hello.newest) &&
    isText(hello.id) &&
    NAME.test(hello.id) &&
    isText(hello.name) &&
    NAME.test(hello.name) &&
    isText(hello.bootId) &&
    (hello.instance === undefined || isText(hello.instance)) &&
    isCapacity(hello.capacity) &&
    isTexts(hello.labels) &&
    isTexts(hello.about) &&
    Array.isArray(hello.attempts) &&
    hello.attempts.every(isReport)
  );
}

function isCapacity(value: unknown): boolean {
  if (!isFields(value) || !isCount(value.cpuMillis) || !isCount(value.memoryBytes)) return false;
  const devices = value.devices;
  if (!Array.isArray(devices) || !devices.every(isDevice)) return false;
  return new Set(devices.map((device) => device.index)).size === devices.length;
}

function isDevice(value: unknown): value is Fields {
  return (
    isFields(value) &&
    isCount(value.index) &&
    isText(value.vendor) &&
    isText(value.model) &&
    isCount(value.memoryBytes) &&
    orNull(value.uuid, isText)
  );
}

export function isReport(value: unknown): value is Report {
  return (
    isFields(value) &&
    isText(value.jobId) &&
    isCount(value.number) &&
    STATES.includes(value.state) &&
    orNull(value.startedAt, isNumber) &&
    orNull(value.exitedAt, isNumber) &&
    orNull(value.exit, isExit) &&
    orNull(value.logBytes, isLogBytes)
  );
}

function isExit(value: unknown): value is Exit {
  return (
    isFields(value) &&
    isText(value.cause) &&
    orNull(value.code, Number.isInteger) &&
    orNull(value.signal, isText) &&
    isText(value.message) &&
    isNumber(value.maxRssBytes) &&
    isNumber(value.cpuMs)
  );
}

function isLogBytes(value: unknown): value is LogBytes {
  return isFields(value) && isCount(value.stdout) && isCount(value.stderr) && isCount(value.titan);
}

export function isLog(message: FromNode): message is Log {
  const log = message as unknown as Fields;
  return (
    isText(log.jobId) &&
    isCount(log.number) &&
    STREAMS.includes(log.stream) &&
    isCount(log.offset) &&
    isNumber(log.at) &&
    log.data instanceof Uint8Array
  );
}
