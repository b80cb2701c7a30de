// The port by which an event goes to a CloudWatch Logs group.

export interface LogDelivery {
  /** Resolves when the event is kept; false when there is no such group. The stream is made when it is not there. */
  deliver(event: {
    readonly region: string;
    readonly account: string;
    readonly groupName: string;
    readonly streamName: string;
    /** Epoch milliseconds. */
    readonly timestamp: number;
    readonly message: string;
  }): Promise<boolean>;
}
