// DescribeImages: the public image.
import type { Ec2Dependencies, Ec2Operations } from "../dependencies.ts";
import { checkImage, publicImage } from "../image.ts";
import { type Fields, filterRows } from "../filters.ts";
import { page } from "../paging.ts";

type PublicImage = ReturnType<typeof publicImage>;

const fields: Fields<PublicImage> = {
  architecture: (image) => image.Architecture,
  "creation-date": (image) => image.CreationDate,
  description: (image) => image.Description,
  "ena-support": (image) => image.EnaSupport,
  hypervisor: (image) => image.Hypervisor,
  "image-id": (image) => image.ImageId,
  "image-type": (image) => image.ImageType,
  "is-public": (image) => image.Public,
  name: (image) => image.Name,
  "owner-alias": (image) => image.ImageOwnerAlias,
  "owner-id": (image) => image.OwnerId,
  platform: () => undefined,
  "root-device-type": (image) => image.RootDeviceType,
  state: (image) => image.State,
  "virtualization-type": (image) => image.VirtualizationType,
};

export function imageOperations({ account }: Ec2Dependencies) {
  return {
    DescribeImages(input, context) {
      const image = publicImage(account);
      for (const id of input.ImageIds ?? []) checkImage(id);
      const owners = input.Owners ?? [];
      const users = input.ExecutableUsers ?? [];
      const owned =
        owners.length === 0 || owners.some((o) => o === "amazon" || o === "self" || o === account);
      const launchable = users.length === 0 || users.includes("all");
      const shown = owned && launchable ? [image] : [];
      const rows = filterRows(shown, input.Filters, fields, () => ({}));
      const { items, rest } = page(rows, (i) => i.ImageId, context, input, { smallest: 1 });
      return { Images: [...items], ...rest };
    },
  } satisfies Ec2Operations;
}
