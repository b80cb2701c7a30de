// The control plane's side of one TCS connection: every message is acknowledged, which also keeps the connection alive.
import { decodeTelemetryFromAgent, encodeEnvelope } from "./codec.ts";
import type { Duplex } from "./duplex.ts";
import type { TcsAgentMessages, TcsServerMessages } from "./messages.ts";

export interface TelemetryListener {
  metrics(message: TcsAgentMessages["PublishMetricsRequest"]): void;
  health(message: TcsAgentMessages["PublishHealthRequest"]): void;
  instanceStatus(message: TcsAgentMessages["PublishInstanceStatusRequest"]): void;
  badFrame(reason: string): void;
  closed(): void;
}

export function serveTelemetry(duplex: Duplex, listener: TelemetryListener): void {
  const acknowledge = (type: keyof TcsServerMessages) =>
    duplex.send(encodeEnvelope({ type, message: { message: "OK" } }));
  duplex.onMessage((frame) => {
    const decoded = decodeTelemetryFromAgent(frame);
    if (decoded instanceof Error) return listener.badFrame(decoded.message);
    if ("unknown" in decoded) return listener.badFrame(`unknown message ${decoded.unknown}`);
    switch (decoded.type) {
      case "PublishMetricsRequest":
        listener.metrics(decoded.message);
        return acknowledge("AckPublishMetric");
      case "PublishHealthRequest":
        listener.health(decoded.message);
        return acknowledge("AckPublishHealth");
      case "PublishInstanceStatusRequest":
        listener.instanceStatus(decoded.message);
        return acknowledge("AckPublishInstanceStatus");
    }
  });
  duplex.onClose(() => listener.closed());
}
