// Writes the demo's image as an archive of `docker save`, without Docker. Usage: node scripts/build-demo-image.mjs OUT.tar
import { buildIfStale } from "./build.mjs";

const [out, ...rest] = process.argv.slice(2);
if (out === undefined || rest.length > 0) {
  console.error("Usage: node scripts/build-demo-image.mjs OUT.tar");
  process.exit(2);
}
try {
  await buildIfStale();
  const { buildDemoImage, DEMO_IMAGE } = await import("../dist/demo-image.mjs");
  await buildDemoImage(out);
  console.log(`${DEMO_IMAGE} is in ${out}`);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
