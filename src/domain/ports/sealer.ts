// The port that keeps secrets out of rows: sealed with the server's key, opened only when they are used.

export interface Sealer {
  seal(text: string): string;
  /** @throws Error for what this server has not sealed */
  open(sealed: string): string;
}
