// Makes a Debian machine with Node.js 20, npm, git and root able to run Estiba: npm packages, Debian packages, the build.
// Installs only what is missing, starts no service, and changes nothing the second time. `--test` adds what tests need.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isStaticElf, missingRequirements, npmIsCurrent, planSystem, wordAboutNode } from "./setup-plan.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const programFolders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const policy = "/usr/sbin/policy-rc.d";
const savedPolicy = `${policy}.before-estiba-setup`;
const policyText =
  "#!/bin/sh\n# Put here by Estiba's setup while it installs packages: no service is started.\nexit 101\n";

const begun = performance.now();
const say = (text) => process.stdout.write(`setup: ${text}\n`);
function fail(text) {
  process.stderr.write(`setup: ${text}\n`);
  process.exit(1);
}

/** Runs a program quietly; its output is shown only when it fails and `onFailure` says so. */
function run(command, args, environment = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ...environment },
    maxBuffer: 64 * 1024 * 1024,
  });
  const output = `${result.stdout ?? ""}${result.stderr ?? ""}${result.error ? `${result.error.message}\n` : ""}`;
  return { ok: result.status === 0, output };
}

const lastLines = (text, count) => text.trimEnd().split("\n").slice(-count).join("\n");

function find(command, isStatic) {
  const path = programFolders.map((folder) => join(folder, command)).find(existsSync);
  if (path === undefined) return false;
  return !isStatic || isStaticElf(readFileSync(path));
}

const readJson = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined);

/** Answers whether something was done. */
function ensureNpmPackages() {
  const lock = readJson(join(root, "package-lock.json"));
  const installed = () => readJson(join(root, "node_modules/.package-lock.json"));
  if (npmIsCurrent(lock, installed())) return false;
  say("installing npm packages (npm ci) …");
  const npm = run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (!npm.ok) fail(`npm ci failed:\n${lastLines(npm.output, 30)}`);
  if (!npmIsCurrent(lock, installed())) fail("npm ci did not install what package-lock.json asks for.");
  return true;
}

/** A setup that was killed may have left the policy in place: what was there before comes back. */
function restorePolicy() {
  const exists = (path) => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  if (exists(savedPolicy)) renameSync(savedPolicy, policy);
  else if (exists(policy) && statSync(policy, { throwIfNoEntry: false })?.size === policyText.length)
    if (readFileSync(policy, "utf8") === policyText) rmSync(policy);
}

function forbidServiceStarts() {
  if (lstatSync(policy, { throwIfNoEntry: false }) !== undefined) renameSync(policy, savedPolicy);
  writeFileSync(policy, policyText);
  chmodSync(policy, 0o755);
}

/** Answers whether something was done. */
function ensureDebianPackages(test) {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) restorePolicy();
  const plan = planSystem(missingRequirements(find, { test }), {
    root: isRoot,
    apt: existsSync("/usr/bin/apt-get"),
  });
  if (plan.action === "nothing") return false;
  if (plan.action === "refuse") fail(plan.words);
  say(`installing Debian packages without starting their services: ${plan.packages.join(" ")} …`);
  forbidServiceStarts();
  // The child dies of the terminal's Ctrl-C itself; this process goes on to the `finally`.
  const ignore = () => undefined;
  process.on("SIGINT", ignore).on("SIGTERM", ignore);
  let installed;
  try {
    installed = install(plan.packages);
  } finally {
    restorePolicy();
    process.off("SIGINT", ignore).off("SIGTERM", ignore);
  }
  if (!installed.ok) fail(`apt-get install failed:\n${lastLines(installed.output, 30)}`);
  const units = plan.units.filter((unit) =>
    ["/lib/systemd/system", "/usr/lib/systemd/system"].some((folder) => existsSync(join(folder, unit))),
  );
  if (units.length > 0 && find("systemctl", false)) {
    run("systemctl", ["disable", ...units]);
    say(`left disabled, also at the next boot: ${units.join(" ")} (systemctl enable … if you want one)`);
  }
  const still = missingRequirements(find, { test });
  if (still.length > 0)
    fail(`still missing after the installation: ${still.map((r) => r.command).join(", ")}`);
  return true;
}

/** The package lists are fetched only when those at hand do not do. */
function install(packages) {
  const environment = { DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_MODE: "l" };
  const attempt = () =>
    run(
      "apt-get",
      [
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
        "-o",
        "Dpkg::Use-Pty=0",
        "-o",
        "DPkg::Lock::Timeout=120",
        ...packages,
      ],
      environment,
    );
  const first = attempt();
  if (first.ok) return first;
  say("fetching Debian's package lists …");
  const update = run("apt-get", ["update", "-q", "-o", "DPkg::Lock::Timeout=120"], environment);
  const second = attempt();
  return second.ok ? second : { ok: false, output: `${update.ok ? "" : update.output}${second.output}` };
}

const wordNode = wordAboutNode(process.versions.node);
if (wordNode !== undefined) fail(wordNode);
const unknown = process.argv.slice(2).filter((argument) => argument !== "--test");
if (unknown.length > 0) fail(`unknown argument ${unknown[0]}. Usage: node scripts/setup.mjs [--test]`);
const steps = [ensureNpmPackages(), ensureDebianPackages(process.argv.includes("--test"))];
// Imported only now: it needs the npm packages.
const { buildIfStale } = await import("./build.mjs");
try {
  steps.push(await buildIfStale((text) => say(text)));
} catch (error) {
  fail(`the build failed:\n${error.message}`);
}
const seconds = ((performance.now() - begun) / 1000).toFixed(1);
say(steps.includes(true) ? `done in ${seconds} s` : "everything is in place");
