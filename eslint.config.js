// Lint rules of the house: no floating promises, no `any`, and time, ids and chance only through lib/.
import tseslint from "typescript-eslint";

/** Time, timers and chance are inputs (lib/clock, lib/random); only the folders listed below may touch the real ones. */
const realWorld = [
  {
    selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
    message: "Take a Clock.",
  },
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: "Take a Clock." },
  {
    selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']",
    message: "Take a Random.",
  },
  { selector: "CallExpression[callee.name=/^(setTimeout|setInterval)$/]", message: "Take a Clock." },
  { selector: "CallExpression[callee.name='randomUUID']", message: "Take a Random." },
  { selector: "CallExpression[callee.property.name='randomUUID']", message: "Take a Random." },
];

/** Pure places: plain data in, plain data out. */
const pure = [
  "src/domain/**/*.ts",
  "src/scheduler/**/*.ts",
  "src/iam/**/*.ts",
  "src/**/decide.ts",
  "src/**/render.ts",
  "src/**/ipam.ts",
];

export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**"] },
  ...tseslint.configs.recommendedTypeChecked.map((config) => ({ ...config, files: ["**/*.ts"] })),
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "no-restricted-syntax": ["error", ...realWorld],
      eqeqeq: "error",
    },
  },
  {
    files: [
      "src/lib/**",
      "tests/**",
      "bench/**",
      "scripts/**",
      "**/*.test.ts",
      "**/*.suite.ts",
      "examples/**",
      "src/cli/**",
    ],
    rules: { "no-restricted-syntax": "off" },
  },
  {
    files: pure,
    ignores: ["**/*.test.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["node:*", "#lib/logger.ts", "#lib/clock.ts"], message: "This place is pure." },
          ],
        },
      ],
      "no-restricted-syntax": [
        "error",
        ...realWorld,
        { selector: ":function[async=true]", message: "This place is pure." },
      ],
    },
  },
);
