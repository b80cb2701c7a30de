// The instance types a host can be sized as: real EC2 types of the machine's architecture, a pure table. Whether the machine has
// room for one is compute's to say. Figures: EC2 Instance Types guide, "Specifications" and "Network specifications".

export interface InstanceType {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  /** Network interfaces that the type may have, the primary one included. */
  readonly maximumNetworkInterfaces: number;
  readonly ipv4AddressesPerInterface: number;
  readonly architecture: "x86_64";
  readonly burstable: boolean;
  readonly currentGeneration: boolean;
  readonly hypervisor: "nitro" | "xen";
}

/** Size, vCPUs, memory in GiB, network interfaces, addresses of each. */
type Size = readonly [size: string, vcpus: number, gib: number, interfaces: number, addresses: number];

interface Family {
  readonly names: readonly string[];
  readonly sizes: readonly Size[];
  readonly burstable?: true;
  readonly xen?: true;
}

/** Sizes of the families whose memory is a fixed number of GiB a vCPU. */
function even(gibPerVcpu: number, sizes: readonly string[]): readonly Size[] {
  return sizes.map((size) => {
    const factor = size === "large" ? 0.5 : Number(/^\d+/.exec(size)?.[0] ?? 1);
    const vcpus = factor * 4;
    const [interfaces, addresses] =
      factor < 1 ? [3, 10] : factor <= 2 ? [4, 15] : factor <= 12 ? [8, 30] : [15, 50];
    return [size, vcpus, vcpus * gibPerVcpu, interfaces, addresses];
  });
}

const UP_TO_24 = ["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge"];
const UP_TO_32 = [...UP_TO_24, "32xlarge"];
const TO_48_WITHOUT_32 = [...UP_TO_24, "48xlarge"];

const FAMILIES: readonly Family[] = [
  {
    names: ["t2"],
    burstable: true,
    xen: true,
    sizes: [
      ["nano", 1, 0.5, 2, 2],
      ["micro", 1, 1, 2, 2],
      ["small", 1, 2, 3, 4],
      ["medium", 2, 4, 3, 6],
      ["large", 2, 8, 3, 12],
      ["xlarge", 4, 16, 3, 15],
      ["2xlarge", 8, 32, 3, 15],
    ],
  },
  {
    names: ["t3"],
    burstable: true,
    sizes: [
      ["nano", 2, 0.5, 2, 2],
      ["micro", 2, 1, 2, 2],
      ["small", 2, 2, 3, 4],
      ["medium", 2, 4, 3, 6],
      ["large", 2, 8, 3, 12],
      ["xlarge", 4, 16, 4, 15],
      ["2xlarge", 8, 32, 4, 15],
    ],
  },
  {
    names: ["t3a"],
    burstable: true,
    sizes: [
      ["nano", 2, 0.5, 2, 2],
      ["micro", 2, 1, 2, 2],
      ["small", 2, 2, 2, 4],
      ["medium", 2, 4, 3, 6],
      ["large", 2, 8, 3, 12],
      ["xlarge", 4, 16, 4, 15],
      ["2xlarge", 8, 32, 4, 15],
    ],
  },
  { names: ["m5", "m5a"], sizes: even(4, UP_TO_24) },
  { names: ["m6i"], sizes: even(4, UP_TO_32) },
  { names: ["m6a"], sizes: even(4, [...UP_TO_32, "48xlarge"]) },
  { names: ["m7i"], sizes: even(4, TO_48_WITHOUT_32) },
  {
    names: ["c5"],
    sizes: [
      ["large", 2, 4, 3, 10],
      ["xlarge", 4, 8, 4, 15],
      ["2xlarge", 8, 16, 4, 15],
      ["4xlarge", 16, 32, 8, 30],
      ["9xlarge", 36, 72, 8, 30],
      ["12xlarge", 48, 96, 8, 30],
      ["18xlarge", 72, 144, 15, 50],
      ["24xlarge", 96, 192, 15, 50],
    ],
  },
  { names: ["c5a"], sizes: even(2, UP_TO_24) },
  { names: ["c6i"], sizes: even(2, UP_TO_32) },
  { names: ["c6a"], sizes: even(2, [...UP_TO_32, "48xlarge"]) },
  { names: ["c7i"], sizes: even(2, TO_48_WITHOUT_32) },
  { names: ["r5", "r5a"], sizes: even(8, UP_TO_24) },
  { names: ["r6i"], sizes: even(8, UP_TO_32) },
  { names: ["r7i"], sizes: even(8, TO_48_WITHOUT_32) },
];

/** Every type, by family and size. */
export const instanceTypes: readonly InstanceType[] = FAMILIES.flatMap(({ names, sizes, burstable, xen }) =>
  names.flatMap((family) =>
    sizes.map(([size, vcpus, gib, interfaces, addresses]): InstanceType => ({
      name: `${family}.${size}`,
      vcpus,
      memoryMiB: gib * 1024,
      maximumNetworkInterfaces: interfaces,
      ipv4AddressesPerInterface: addresses,
      architecture: "x86_64",
      burstable: burstable ?? false,
      currentGeneration: true,
      hypervisor: xen ? "xen" : "nitro",
    })),
  ),
);

const byName = new Map(instanceTypes.map((type) => [type.name, type]));

/** The type of that name, for instance `t3.small`; undefined when there is none of this architecture. */
export const instanceType = (name: string): InstanceType | undefined => byName.get(name);

/** Whether the name is one of the families with Arm processors, to tell a wrong architecture from a wrong name. */
export const isArmFamily = (name: string): boolean =>
  /^(a1|t4g|[a-z]{1,2}\dg[a-z]{0,2})\.[a-z0-9]+$/.test(name);
