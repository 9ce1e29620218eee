/** The agent's log lines on stderr, for people: `12:30:01 warn  the link broke  error=…`. */
import { TitanError } from "@titan/protocol";
import { visible } from "../output/safe.ts";

const LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LEVELS)[number];
type Line = (fields: object, message: string) => void;

export function agentLog(level: LogLevel, write: (text: string) => void): Readonly<Record<LogLevel, Line>> {
  const line = (name: LogLevel): Line => {
    if (LEVELS.indexOf(name) < LEVELS.indexOf(level)) return () => undefined;
    return (fields, message) => {
      const facts = Object.entries(fields).map(
        ([key, value]) => `  ${key}=${typeof value === "string" ? value : JSON.stringify(value)}`,
      );
      write(
        `${new Date().toISOString().slice(11, 19)} ${name.padEnd(5)} ${visible(message + facts.join(""))}\n`,
      );
    };
  };
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}

export function logLevel(text: string | undefined, otherwise: LogLevel): LogLevel {
  const level = LEVELS.find((each) => each === (text ?? otherwise));
  if (level === undefined) {
    throw new TitanError("usage", `--log-level ${JSON.stringify(text)} is none of ${LEVELS.join(", ")}`, {
      field: "--log-level",
    });
  }
  return level;
}
