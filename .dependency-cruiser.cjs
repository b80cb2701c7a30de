// The direction of imports (docs/architecture/layers.md): a folder imports rows above its own, never its own row or one below.
const rows = [
  ["lib"],
  ["domain"],
  ["scheduler", "iam"],
  ["store", "logstore", "acs", "network", "loadbalancer", "compute", "supervise"],
  ["gateway", "imds"],
  ["services", "controllers", "fleet"],
  ["server", "cli"],
];
const layerRules = rows.flatMap((folders, row) =>
  folders.map((folder) => ({
    name: `layer-${folder}`,
    comment: `src/${folder} may only import rows above it`,
    severity: "error",
    from: { path: `^src/${folder}/`, pathNot: "\\.(test|suite)\\.ts$" },
    to: {
      path: "^src/",
      pathNot: [
        ...rows.slice(0, row).flat(),
        folder,
        ...(row === rows.length - 1 ? ["server", "agent"] : []),
      ].map((f) => `^src/${f}/`),
    },
  })),
);
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    ...layerRules,
    {
      name: "layer-agent",
      comment: "the agent imports the wire, the network, the domain and lib only",
      severity: "error",
      from: { path: "^src/agent/", pathNot: "\\.(test|suite)\\.ts$" },
      to: { path: "^src/", pathNot: "^src/(agent|acs|network|domain|lib)/" },
    },
    {
      name: "one-service-alone",
      comment: "a service never imports another service, a controller never another controller",
      severity: "error",
      from: { path: "^src/(services|controllers)/([^/]+)/", pathNot: "\\.(test|suite)\\.ts$" },
      to: { path: "^src/$1/", pathNot: "^src/$1/($2/|[^/]+\\.ts$)" },
    },
    {
      name: "no-sdk-client-in-agent",
      severity: "error",
      from: { path: "^src/(agent|acs)/", pathNot: "\\.(test|suite)\\.ts$" },
      to: { path: "@aws-sdk", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "pure-places",
      comment: "plain data in, plain data out",
      severity: "error",
      from: { path: "^src/(domain|scheduler|iam)/|/(decide|render|ipam)\\.ts$", pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["core"] },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".js"],
    },
  },
};
