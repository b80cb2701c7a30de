// Real or simulated hosts, as the server was started.
import type { Platform, PlatformParts } from "./platform.ts";

export async function openPlatform(parts: PlatformParts): Promise<Platform> {
  if (parts.config.engine === "sim") {
    const { openSimulatedPlatform } = await import("./simulated-platform.ts");
    return openSimulatedPlatform(parts);
  }
  const { openRealPlatform } = await import("./real-platform.ts");
  return openRealPlatform(parts);
}
