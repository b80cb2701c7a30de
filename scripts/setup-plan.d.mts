// The types of setup's decisions, for their test.
export interface Requirement {
  readonly command: string;
  readonly package: string;
  /** Services that the package would start. */
  readonly units?: readonly string[];
  readonly static?: boolean;
  /** Needed by tests only. */
  readonly test?: boolean;
}

export type SystemPlan =
  | { readonly action: "nothing" }
  | { readonly action: "refuse"; readonly words: string }
  | { readonly action: "install"; readonly packages: readonly string[]; readonly units: readonly string[] };

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly optional?: boolean; readonly link?: boolean }>
  >;
}

export const requirements: readonly Requirement[];
export function missingRequirements(
  find: (command: string, isStatic: boolean) => boolean,
  options?: { readonly test?: boolean },
): readonly Requirement[];
export function packagesFor(missing: readonly Requirement[]): readonly string[];
export function unitsOf(missing: readonly Requirement[]): readonly string[];
export function planSystem(
  missing: readonly Requirement[],
  machine: { readonly root: boolean; readonly apt: boolean },
): SystemPlan;
export function wordAboutNode(version: string, needed?: number): string | undefined;
export function npmIsCurrent(lock: Lock, installed: Lock | undefined): boolean;
export function isStaticElf(bytes: Buffer): boolean;
