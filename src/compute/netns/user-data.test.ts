// User data's forms: what is run, and what is refused in which words. Scripts made here are run by a real shell.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UserDataRefused } from "./user-data-refused.ts";
import { userDataScripts } from "./user-data.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "user-data-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const runAll = (userData: string) =>
  userDataScripts(userData)
    .map((script) => execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" }))
    .join("");
const refusal = (userData: string): string => {
  try {
    userDataScripts(userData);
  } catch (error) {
    if (error instanceof UserDataRefused) return error.message;
    throw error;
  }
  return "";
};

describe("user data", () => {
  it("is nothing when it is empty, and a script as it stands when it begins with #!", () => {
    expect(userDataScripts("")).toEqual([]);
    expect(userDataScripts(" \n")).toEqual([]);
    expect(userDataScripts("#!/bin/bash\necho hello\n")).toEqual(["#!/bin/bash\necho hello\n"]);
  });

  it.each([
    ["echo hello", /Its first line is none of #!…, #cloud-config.*"echo hello"/],
    ["#cloud-boothook\ntrue", /"#cloud-boothook"/],
    ["#include\nhttps://example.com", /"#include"/],
    ["## template: jinja\n#cloud-config", /template: jinja/],
    ["\u001f\u008bzipped", /none of/],
    ["{ broken", /It begins as JSON but is none/],
    ['{"Cluster":"web"}', /one member, ECSAgentConfiguration/],
    [
      '{"ECSAgentConfiguration":{"Cluster":"web","Frobnicate":1}}',
      /ECSAgentConfiguration.Frobnicate is not supported/,
    ],
  ])("is refused as %j", (userData, words) => expect(refusal(userData)).toMatch(words));

  it("as the agent's JSON becomes lines of ecs.config", () => {
    const [script] = userDataScripts(
      '{"ECSAgentConfiguration":{"Cluster":"it\'s","InstanceAttributes":{"rack":"7"},"ReservedMemory":64}}',
    );
    const inFolder = (script ?? "").replaceAll("/etc/ecs/ecs.config", join(folder, "ecs.config"));
    execFileSync("/bin/sh", ["-c", inFolder]);
    expect(readFileSync(join(folder, "ecs.config"), "utf8")).toBe(
      'ECS_CLUSTER=it\'s\nECS_INSTANCE_ATTRIBUTES={"rack":"7"}\nECS_RESERVED_MEMORY=64\n',
    );
  });

  it("as a MIME archive is run part by part, base64 parts too", () => {
    const archive = [
      'Content-Type: multipart/mixed; boundary="==B=="',
      "MIME-Version: 1.0",
      "",
      "--==B==",
      'Content-Type: text/x-shellscript; charset="us-ascii"',
      "",
      "#!/bin/sh",
      "echo one",
      "--==B==",
      "Content-Type: text/cloud-config",
      "Content-Transfer-Encoding: base64",
      "",
      Buffer.from("#cloud-config\nruncmd: [echo two]\n").toString("base64"),
      "--==B==--",
      "what follows counts for nothing",
    ];
    expect(runAll(archive.join("\n"))).toBe("one\ntwo\n");
    expect(runAll(archive.join("\r\n"))).toBe("one\ntwo\n");
    expect(refusal(archive.join("\n").replace("text/x-shellscript", "text/cloud-boothook"))).toBe(
      "A part of type text/cloud-boothook is not supported.",
    );
  });
});

describe("#cloud-config", () => {
  it("writes files with content, mode and appended text, before it runs commands", () => {
    const path = join(folder, "deep/er/ecs.config");
    const output = runAll(`#cloud-config
write_files:
  - path: ${path}
    content: |
      ECS_CLUSTER=web
    permissions: '0600'
  - path: ${path}
    append: true
    encoding: b64
    content: ${Buffer.from("B=2\n").toString("base64")}
runcmd:
  - cat ${path}
  - [ "echo", "two words", "$HOME" ]
  - "false"
  - echo after a failure
`);
    expect(output).toBe("ECS_CLUSTER=web\nB=2\ntwo words $HOME\nafter a failure\n");
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(readFileSync(path, "utf8")).toBe("ECS_CLUSTER=web\nB=2\n");
  });

  it("writes any content as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (content) => {
        const path = join(folder, "any");
        runAll(`#cloud-config\n${JSON.stringify({ write_files: [{ path, content }] })}`);
        expect(readFileSync(path, "utf8")).toBe(Buffer.from(content).toString());
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ["packages: [nginx]", "cloud-config: packages is not supported."],
    ["bootcmd: []\nusers: []", "cloud-config: bootcmd, users is not supported."],
    ["- a", "cloud-config: it is not a mapping."],
    ["runcmd: echo", "cloud-config: runcmd is not a list."],
    ["runcmd: [{a: 1}]", "cloud-config: runcmd[0] is neither a string nor a list of words."],
    ["write_files: [{path: etc}]", "cloud-config: write_files[0].path is not an absolute path."],
    ["write_files: [{path: /a, source: b}]", "cloud-config: write_files[0]: source is not supported."],
    [
      "write_files: [{path: /a, encoding: gz+b64}]",
      "cloud-config: write_files[0].encoding gz+b64 is not supported.",
    ],
    [
      "write_files: [{path: /a, permissions: rw}]",
      "cloud-config: write_files[0].permissions is not a mode such as '0644'.",
    ],
  ])("refuses %j", (text, words) => expect(refusal(`#cloud-config\n${text}`)).toBe(words));

  it("refuses what is no YAML with the parser's words", () => {
    expect(refusal("#cloud-config\na: [")).toMatch(/^cloud-config: .*line 2/s);
  });
});
