// docs/coverage.md: which operations of each service are built, counted from the tables themselves.
import type { ServiceDefinition } from "./service-definition.ts";
import { operationNames } from "./shape.ts";

/** The page's Markdown. Loads every service's schemas. */
export async function coverageMarkdown(services: readonly ServiceDefinition[]): Promise<string> {
  const sections = await Promise.all([...services].sort((a, b) => (a.name < b.name ? -1 : 1)).map(section));
  const summary = sections.map((s) => `| ${s.name} | ${s.built.length} | ${s.known} |`);
  return [
    "# Coverage",
    "",
    "Generated from the operation tables and the official SDK's schemas; do not edit. An operation that is not listed as",
    "built answers as AWS answers an unknown one (`UnknownOperationException`, `InvalidAction`).",
    "",
    "| service | built | in the API |",
    "| --- | ---: | ---: |",
    ...summary,
    ...sections.flatMap((s) => s.lines),
    "",
  ].join("\n");
}

async function section(service: ServiceDefinition) {
  const names = operationNames(await service.loadSchemas());
  const built = names.filter((name) => Object.hasOwn(service.operations, name));
  const missing = names.filter((name) => !Object.hasOwn(service.operations, name));
  const lines = [
    "",
    `## ${service.name}`,
    "",
    `Built (${built.length}): ${list(built)}`,
    "",
    // EC2 has hundreds that Estiba will never have: naming them would bury the rest.
    missing.length > 250
      ? `Not built: the other ${missing.length}`
      : `Not built (${missing.length}): ${list(missing)}`,
  ];
  return { name: service.name, built, known: names.length, lines };
}

const list = (names: readonly string[]): string =>
  names.length === 0 ? "none" : names.map((name) => `\`${name}\``).join(", ");
