// Sizes of a task: the API takes text in units or with a suffix and answers text in units (1024 CPU units a vCPU; MiB).
import { clientException } from "../errors.ts";

/** Developer Guide, "Task size": 0.125 to 192 vCPUs on Linux container instances. */
const SMALLEST_CPU = 128;
const LARGEST_CPU = 196_608;

const invalid = (setting: "cpu" | "memory") =>
  clientException(
    `Invalid '${setting}' setting for task. For more information, see the Troubleshooting section of the Amazon ECS Developer Guide.`,
  );

/** `256`, `.25 vCPU` → `"256"`. @throws ClientException */
export function cpuUnits(text: string): string {
  const match = /^(\d+|\d*\.\d+)\s*(vcpus?)?$/i.exec(text.trim());
  if (match === null) throw invalid("cpu");
  const units = Number(match[1]) * (match[2] === undefined ? 1 : 1024);
  if (!Number.isInteger(units) || units < SMALLEST_CPU || units > LARGEST_CPU) throw invalid("cpu");
  return String(units);
}

/** `512`, `0.5GB`, `1 GB` → `"512"`. @throws ClientException */
export function memoryMiB(text: string): string {
  const match = /^(\d+|\d*\.\d+)\s*(gb|mb)?$/i.exec(text.trim());
  if (match === null) throw invalid("memory");
  const mebibytes = Number(match[1]) * (match[2]?.toLowerCase() === "gb" ? 1024 : 1);
  if (!Number.isInteger(mebibytes) || mebibytes < 4 || mebibytes > 10_000_000) throw invalid("memory");
  return String(mebibytes);
}
