// AWS's public parameters that ECS users read: the image to launch container instances from (ECS Developer Guide, "Retrieving Amazon
// ECS-optimized Linux AMI metadata"). Whichever Linux is asked for, here it is the one image that there is.
import { formatArn } from "#lib/arn.ts";
import type { RecommendedImage } from "./dependencies.ts";

export interface PublicParameter {
  readonly name: string;
  readonly arn: string;
  readonly value: string;
  /** Epoch milliseconds. */
  readonly modifiedAt: number;
}

const ROOT = "/aws/service/ecs/optimized-ami";
const FAMILIES = ["amazon-linux-2", "amazon-linux-2023"];
const MODIFIED_AT = Date.UTC(2026, 0, 1);

/** By name. */
export function publicParameters(
  image: RecommendedImage,
  region: string,
): ReadonlyMap<string, PublicParameter> {
  const members = {
    image_id: image.id,
    image_name: image.name,
    image_version: "1",
    os: "Estiba",
    source_image_name: image.name,
    schema_version: 1,
  };
  const found = FAMILIES.flatMap((family) => {
    const name = `${ROOT}/${family}/recommended`;
    return [
      [name, JSON.stringify(members)] as const,
      ...Object.entries(members).map(([member, value]) => [`${name}/${member}`, String(value)] as const),
    ];
  });
  return new Map(
    found.map(([name, value]) => {
      const arn = formatArn({ service: "ssm", region, account: "", resource: `parameter${name}` });
      return [name, { name, arn, value, modifiedAt: MODIFIED_AT }];
    }),
  );
}
