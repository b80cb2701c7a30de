// What the server tells a machine that joined and is no EC2 instance: who it is, and its credentials, renewed by asking again.

export interface ExternalAnswer {
  readonly state: "joined";
  readonly kind: "external";
  /** `mi-…` */
  readonly id: string;
  readonly region: string;
  readonly cluster: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string;
    /** Epoch milliseconds. */
    readonly expiration: number;
  };
}

/** The machine is one of ours no longer: what it was given is to be taken back. */
export interface GoneAnswer {
  readonly state: "gone";
  readonly reason: string;
}

/** The paths of the two calls: once with a token, and any time after with the machine's own key. */
export const JOIN_PATH = "/_estiba/join";
export const MACHINE_PATH = "/_estiba/machine";
/** Signed by root, as every call of the API: a new token, and the end of an external machine (`?id=mi-…`). */
export const REMOVAL_PATH = "/_estiba/machines/remove";
export const TOKEN_PATH = "/_estiba/join-tokens";

/** What a machine keeps of its joining, in a file for its owner alone. */
export interface MachineFile {
  /** `http://host:port` of the server, as the machine reaches it. */
  readonly endpoint: string;
  /** By which the server is known. */
  readonly serverPublicKey: string;
  /** Of the machine's own key: 32 octets in base64url. */
  readonly seed: string;
}
