// One line per request: who did what and how it ended. Never a secret, a signature or a body.
import type { Logger } from "#lib/logger.ts";

export interface AccessRecord {
  readonly requestId: string;
  service?: string;
  /** IAM's name, `ecs:RunTask`. */
  action?: string;
  /** The principal's ARN. */
  principal?: string;
  status?: number;
  /** The error's code. */
  error?: string;
  sourceIp?: string;
}

export function logAccess(logger: Logger, record: AccessRecord, durationMs: number): void {
  logger.info("request", { ...record, durationMs: Math.round(durationMs * 10) / 10 });
}
