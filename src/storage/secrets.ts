/** Gives the value that a reference (`env:NAME`, `file:PATH`) stands for now; asked again whenever it is needed. */
export type SecretResolver = (ref: string) => Promise<string> | string;
