// Inputs that nobody would think of, over rows that are there: values of the right type and every wrong meaning, and good requests
// with one thing changed. Whatever comes of it, no answer is a fault of ours, no controller stumbles, everything can still be
// described, and another server starts over what was stored.
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as stack from "#cli/demo/stack.ts";
import type { Member, Shape } from "#gateway/shape.ts";
import {
  builtOperations,
  encoded,
  leastInput,
  type BuiltOperation,
  type Input,
} from "#tests/support/operation-inputs.ts";
import { fault } from "#tests/support/refusal-form.ts";
import { call, type Signer } from "#tests/support/signed-request.ts";
import { startSimulatedServer, type SimulatedServer } from "#tests/support/simulated-server.ts";
import { startTwoHosts } from "#tests/support/two-hosts.ts";
import { ACCOUNT, namesOf, templatesOf, type Names } from "./good-requests.ts";

let server: SimulatedServer;
let root: Signer;
let operations: readonly BuiltOperation[];
/** Names of what is there, by the kind of member that takes them. */
let names: Names;
let templates: Readonly<Record<string, Input>>;

beforeAll(async () => {
  server = await startSimulatedServer();
  root = { endpoint: server.endpoint, credentials: server.connection.credentials };
  const hosts = await startTwoHosts(server);
  const place = await stack.findPlace(server.clients);
  const balancer = await stack.createLoadBalancer(server.clients, place);
  operations = await builtOperations();
  names = namesOf(hosts, place, balancer);
  templates = templatesOf(hosts[0], place, balancer);
}, 30_000);
afterAll(() => server.close());

const STRANGE = [
  "",
  " ",
  "\u0000",
  "a\r\nb",
  "\ud83d\udca5",
  "\ud800",
  "__proto__",
  "constructor",
  "../../etc/passwd",
  "a".repeat(3000),
  "*",
  "[a-z]+(",
  "${jndi:x}",
  "%00%ff",
  "<a>&\"'",
  ACCOUNT,
  "arn:",
  "-1",
  "1e99",
  "NaN",
];
const NUMBERS = [-1, 0, 1, 2, 80, 65_535, 65_536, 2 ** 31, 2 ** 53, 1e300, -1e300, 0.5];

const strange = fc.constantFrom(...STRANGE);
const number = fc.oneof(fc.constantFrom(...NUMBERS), fc.integer());

function text(name: string): fc.Arbitrary<string> {
  const known = names.find(([pattern]) => pattern.test(name))?.[1] ?? ["nothing"];
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...known) },
    { weight: 2, arbitrary: strange },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
  );
}

function any(shape: Shape, name: string, depth: number): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "structure":
      return members(shape.members, depth);
    case "list":
      return fc.array(any(shape.item.shape, name, depth - 1), { maxLength: 3 });
    case "map":
      return fc.dictionary(strange, any(shape.value.shape, name, depth - 1), { maxKeys: 3 });
    case "string":
    case "document":
      return text(name);
    case "boolean":
      return fc.boolean();
    case "number":
      return number;
    case "timestamp":
      return fc.constantFrom(0, -1, 1_700_000_000, 8.64e12, 8.65e15);
    case "blob":
      return fc.constantFrom("", "YQ==", "AAAA");
  }
}

function members(of: readonly Member[], depth: number): fc.Arbitrary<Input> {
  if (depth <= 0) return fc.constant({});
  const often = of.filter((m) => m.required);
  const seldom = of.filter((m) => !m.required);
  const make = (list: readonly Member[]) =>
    Object.fromEntries(list.map((m) => [m.name, any(m.shape, m.name, depth - 1)]));
  return fc
    .tuple(
      fc.record(make(often)),
      fc
        .subarray(seldom, { maxLength: Math.min(4, seldom.length) })
        .chain((chosen) => fc.record(make(chosen))),
    )
    .map(([a, b]) => ({ ...a, ...b }));
}

type Path = readonly (string | number)[];
const pathsOf = (value: unknown, at: Path = []): readonly Path[] =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, item]) => {
        const path = [...at, Array.isArray(value) ? Number(key) : key];
        return [path, ...pathsOf(item, path)];
      })
    : [];

/** The value with what stands at `path` replaced; undefined takes it out, and a list's item is doubled by `twice`. */
function changed(value: unknown, [step, ...rest]: Path, to: unknown): unknown {
  if (step === undefined) return to;
  if (Array.isArray(value)) {
    const items = value as unknown[];
    if (to === "twice" && rest.length === 0) return [...items, items[Number(step)]];
    return items.flatMap((item, i) =>
      i === step ? (to === undefined && rest.length === 0 ? [] : [changed(item, rest, to)]) : [item],
    );
  }
  const { [step]: item, ...others } = value as Record<string, unknown>;
  const next = changed(item, rest, to);
  return next === undefined ? others : { ...others, [step]: next };
}

const anything = fc.oneof(
  { weight: 4, arbitrary: strange },
  { weight: 4, arbitrary: number },
  {
    weight: 2,
    arbitrary: fc.constantFrom<unknown>(undefined, "twice", true, false, [], {}, null, "NaN", "Infinity"),
  },
);

const templateOf = ({ service, name }: BuiltOperation): Input | undefined =>
  templates[`${service}:${name}`] ?? templates[name];

const send = async (operation: BuiltOperation, input: Input) => {
  const answer = await call(operation.service, operation.name, encoded(operation, input), root);
  return answer.status === 200 ? undefined : fault(operation, answer, input);
};
/** Faults that were logged, with what they say. */
const faultsLogged = () =>
  server.log
    .filter((line) => line.level === "error")
    .map((line) => [line.message, String(line.fields["error"])]);

it("is given good requests to begin with", async () => {
  const refused: string[] = [];
  for (const operation of operations) {
    const template = templateOf(operation);
    if (template === undefined) continue;
    const answer = await call(operation.service, operation.name, encoded(operation, template), root);
    if (answer.status !== 200) refused.push(`${operation.name}: ${answer.code}: ${answer.message}`);
  }
  // It names no image, so that no test makes forty hosts.
  expect(refused).toEqual([expect.stringMatching(/^RunInstances: InvalidAMIID.NotFound: /)]);
});

it("answers a good request with one thing changed, whatever it is", { timeout: 30_000 }, async () => {
  const cases = operations.flatMap((operation) => {
    const template = templateOf(operation);
    return template === undefined ? [] : pathsOf(template).map((path) => ({ operation, template, path }));
  });
  expect(new Set(cases.map((c) => c.operation.name)).size).toBeGreaterThanOrEqual(
    Object.keys(templates).length - 1,
  );
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...cases), anything, async ({ operation, template, path }, value) => {
      expect(await send(operation, changed(template, path, value) as Input)).toBeUndefined();
      expect(faultsLogged()).toEqual([]);
    }),
    { numRuns: 1500, interruptAfterTimeLimit: 5_000, endOnFailure: true },
  );
});

/** What ends others' things comes last: what is gone cannot be asked for in a strange way any more. */
const ends = (operation: BuiltOperation) => /^(Delete|Terminate|Deregister|Remove)/.test(operation.name);

it.each([
  ["makes, changes or tells", 800, (o: BuiltOperation) => !ends(o)],
  ["ends something", 200, ends],
])(
  "answers any input of the right types to what %s with a refusal or with what was asked",
  { timeout: 30_000 },
  async (_what, numRuns, chosen) => {
    const any = fc
      .constantFrom(...operations.filter(chosen))
      .chain((o) => fc.tuple(fc.constant(o), members(o.input.members, 5)));
    await fc.assert(
      fc.asyncProperty(any, async ([operation, input]) => {
        expect(await send(operation, input)).toBeUndefined();
        expect(faultsLogged()).toEqual([]);
      }),
      { numRuns, interruptAfterTimeLimit: 4_000, endOnFailure: true },
    );
  },
);

it("can describe all that came of it, also after a restart", { timeout: 30_000 }, async () => {
  const look = async () => {
    const found: object[] = [];
    for (const operation of operations.filter((o) => /^(Describe|List|Get)/.test(o.name))) {
      const one = await send(operation, leastInput(operation));
      if (one !== undefined) found.push(one);
    }
    return found;
  };
  expect(await look()).toEqual([]);
  const { dataDirectory } = server;
  await server.close({ keep: true });
  expect(faultsLogged()).toEqual([]);
  server = await startSimulatedServer({ dataDirectory });
  root = { endpoint: server.endpoint, credentials: server.connection.credentials };
  expect(await look()).toEqual([]);
  expect(faultsLogged()).toEqual([]);
});
