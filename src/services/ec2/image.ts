// The one public image: what every host of Estiba is made from. It is no file: compute makes hosts out of the machine itself.
import type { Image } from "@aws-sdk/client-ec2";
import { checkId, notFound } from "./errors.ts";

/** Always the same, so that a configuration that names it goes on working. One an architecture; this is x86_64's. */
export const PUBLIC_IMAGE_ID = "ami-0e571ba0000000001";

export const ARCHITECTURE = "x86_64";

export const publicImage = (account: string) =>
  ({
    ImageId: PUBLIC_IMAGE_ID,
    Name: `estiba-ecs-hvm-1-${ARCHITECTURE}`,
    Description: "Estiba container instance: Docker Engine and the container agent",
    Architecture: ARCHITECTURE,
    CreationDate: "2026-01-01T00:00:00.000Z",
    OwnerId: account,
    ImageOwnerAlias: "amazon",
    ImageLocation: `amazon/estiba-ecs-hvm-1-${ARCHITECTURE}`,
    ImageType: "machine",
    Public: true,
    State: "available",
    PlatformDetails: "Linux/UNIX",
    RootDeviceType: "instance-store",
    VirtualizationType: "hvm",
    Hypervisor: "xen",
    EnaSupport: true,
    BlockDeviceMappings: [],
    Tags: [],
  }) satisfies Image;

/** @throws InvalidAMIID.Malformed, InvalidAMIID.NotFound */
export function checkImage(id: string): string {
  if (checkId("image", id) !== PUBLIC_IMAGE_ID) throw notFound("image", [id]);
  return id;
}
