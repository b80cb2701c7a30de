// `#cloud-config`: write_files and runcmd become one shell script; every other key is refused by name, so nothing is left out
// in silence. Reference: https://cloudinit.readthedocs.io/en/latest/reference/modules.html
import { parse } from "yaml";
import { messageOf } from "#lib/errors.ts";
import { UserDataRefused } from "./user-data-refused.ts";
import { quote } from "./shell.ts";

const fileKeys = ["path", "content", "permissions", "owner", "encoding", "append", "defer"];

/** @throws UserDataRefused */
export function cloudConfigScript(text: string): string {
  const config = parseConfig(text);
  const unknown = Object.keys(config).filter((key) => key !== "write_files" && key !== "runcmd");
  if (unknown.length > 0) throw new UserDataRefused(`cloud-config: ${unknown.join(", ")} is not supported.`);
  const files = listOf(config["write_files"], "write_files").map((file, i) =>
    fileLines(file, `write_files[${i}]`),
  );
  const commands = listOf(config["runcmd"], "runcmd").map((command, i) =>
    commandLine(command, `runcmd[${i}]`),
  );
  return ["#!/bin/sh", ...files.flat(), ...commands, ""].join("\n");
}

function parseConfig(text: string): Record<string, unknown> {
  let config: unknown;
  try {
    config = parse(text);
  } catch (error) {
    throw new UserDataRefused(`cloud-config: ${messageOf(error)}`);
  }
  if (config === null || config === undefined) return {};
  if (isMapping(config)) return config;
  throw new UserDataRefused("cloud-config: it is not a mapping.");
}

function fileLines(file: unknown, where: string): string[] {
  if (!isMapping(file)) throw new UserDataRefused(`cloud-config: ${where} is not a mapping.`);
  const unknown = Object.keys(file).filter((key) => !fileKeys.includes(key));
  if (unknown.length > 0)
    throw new UserDataRefused(`cloud-config: ${where}: ${unknown.join(", ")} is not supported.`);
  const text = (key: string, fallback: string) => {
    const value = file[key] ?? fallback;
    if (typeof value === "string") return value;
    throw new UserDataRefused(`cloud-config: ${where}.${key} is not a string.`);
  };
  const path = text("path", "");
  if (!path.startsWith("/"))
    throw new UserDataRefused(`cloud-config: ${where}.path is not an absolute path.`);
  const target = quote(path);
  const content = contentOf(text("content", ""), text("encoding", "text/plain"), where);
  return [
    `mkdir -p "$(dirname ${target})"`,
    `base64 -d ${file["append"] === true ? ">>" : ">"} ${target} <<'END'`,
    ...(content.toString("base64").match(/.{1,76}/g) ?? []),
    "END",
    `chmod ${quote(permissionsOf(file["permissions"], where))} ${target}`,
    ...(file["owner"] === undefined ? [] : [`chown ${quote(text("owner", ""))} ${target}`]),
  ];
}

function contentOf(content: string, encoding: string, where: string): Buffer {
  if (encoding === "text/plain") return Buffer.from(content);
  if (encoding === "b64" || encoding === "base64") return Buffer.from(content, "base64");
  throw new UserDataRefused(`cloud-config: ${where}.encoding ${encoding} is not supported.`);
}

/** `'0644'`, or the number that YAML makes of an unquoted 0644 (YAML 1.2 reads it as decimal: its digits are the mode). */
function permissionsOf(value: unknown, where: string): string {
  const digits = value === undefined ? "0644" : typeof value === "number" ? String(value) : value;
  if (typeof digits === "string" && /^0?o?[0-7]{3,4}$/.test(digits)) return digits.replace("o", "");
  throw new UserDataRefused(`cloud-config: ${where}.permissions is not a mode such as '0644'.`);
}

/** A string is shell text, a list one command with its arguments. As in cloud-init, a failing command does not end the list. */
function commandLine(command: unknown, where: string): string {
  if (typeof command === "string") return command;
  if (Array.isArray(command) && command.every((word) => typeof word === "string" || typeof word === "number"))
    return command.map((word) => quote(String(word))).join(" ");
  throw new UserDataRefused(`cloud-config: ${where} is neither a string nor a list of words.`);
}

function listOf(value: unknown, name: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new UserDataRefused(`cloud-config: ${name} is not a list.`);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
