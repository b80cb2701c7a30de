// `estiba demo`: brings a server up when none runs, puts the demo's image where instances find it, runs the demo.
import { join } from "node:path";
import { readConfig } from "#server/config.ts";
import { buildDemoImage, DEMO_IMAGE } from "../demo/image.ts";
import { cleanDemo, runDemo } from "../demo/demo.ts";
import { connect, readRunFile } from "../connection.ts";
import { terminalProgress } from "../progress.ts";
import { stateFolder } from "#server/state-folder.ts";
import { down } from "./down.ts";
import { up } from "./up.ts";

export async function demo(
  dataDirectory: string,
  options: { readonly keep?: boolean; readonly clean?: boolean },
  print: (line: string) => void,
): Promise<void> {
  const progress = terminalProgress();
  if (options.clean === true) return cleanDemo(connect(dataDirectory), progress);
  const startedHere = readRunFile(dataDirectory) === undefined;
  if (startedHere) {
    await progress.step("Start estiba", () => up(readConfig({ dataDirectory }, process.env), true, () => {}));
  }
  await progress.step("Build the demo's image from local files", () =>
    buildDemoImage(join(stateFolder(dataDirectory).images, "demo-web.tar")),
  );
  let succeeded = false;
  try {
    await runDemo({
      connection: connect(dataDirectory),
      progress,
      image: DEMO_IMAGE,
      keep: options.keep === true,
    });
    succeeded = true;
  } finally {
    if (startedHere && options.keep !== true && succeeded)
      await progress.step("Stop estiba", () => down(dataDirectory, () => {}));
    else if (!succeeded) print("Left as it is for a look: estiba status, estiba down.");
  }
}
