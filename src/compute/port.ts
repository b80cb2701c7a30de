// The port to what makes hosts: `netns` makes them out of this machine, `sim` simulates them.

import type { MachineTunnel } from "#domain/ec2/instance.ts";
import type { InterfaceAttachment } from "#domain/ports/host-network.ts";

export interface HostSpec {
  readonly instanceId: string;
  readonly region: string;
  readonly availabilityZone: string;
  readonly instanceType: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly vpcId: string;
  readonly privateIp: string;
  readonly macAddress: string;
  /** MetadataOptions.HttpPutResponseHopLimit. */
  readonly metadataHopLimit: number;
  /** Decoded user data; empty when none. Runs inside the host only. */
  readonly userData: string;
  /** The control plane's base URL as the host reaches it, for instance `http://10.64.0.2:4566`. */
  readonly endpoint: string;
  /** On another machine that joined: how it is reached. */
  readonly joined?: MachineTunnel;
}

export interface ComputeProvider {
  /**
   * Makes the host or finishes a launch that was cut short; safe to call again for a running one (adopts it).
   * Resolves when its engine answers and its agent was started; rejects with the reason when that cannot be.
   */
  launch(spec: HostSpec): Promise<void>;
  /** Removes the host and everything of it: processes, namespace, veth, mounts, cgroups, containers, files. Safe twice. */
  terminate(instanceId: string): Promise<void>;
  /**
   * The host gets a further network interface, which its agent finds by the MAC. Safe twice; rejects while the host is not there.
   */
  attachInterface(attachment: InterfaceAttachment): Promise<void>;
  /** The host has it no longer, nor has a task on it. Safe twice, and when the host is gone. */
  detachInterface(
    attachment: Pick<InterfaceAttachment, "vpcId" | "instanceId" | "interfaceId">,
  ): Promise<void>;
  /** Ids of all hosts that exist in whole or part, for repair after a crash. */
  list(): Promise<readonly string[]>;
  /** What the host printed while starting: set-up steps, user data's output, the agent's last words. At most 64 KiB. */
  consoleOutput(instanceId: string): Promise<string>;
}
