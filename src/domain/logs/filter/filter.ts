// What every form of filter pattern becomes.

export interface Filter {
  readonly matches: (message: string) => boolean;
  /** Of a message that matches: what stands where the pattern has a name (`$status`, `$.a.b`). */
  readonly extract: (message: string) => Readonly<Record<string, string>>;
}
