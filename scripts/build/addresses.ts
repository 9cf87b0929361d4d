/**
 * Addresses of our own files in built code: `new URL("./writer.ts", import.meta.url)` is how a worker is started, and the compiler
 * rewrites imports only.
 */

const ADDRESS = /(new URL\(\s*["'][^"']*)\.ts(["'],\s*import\.meta\.url\s*\))/g;

export function withoutSourceAddresses(built: string): string {
  return built.replaceAll(ADDRESS, "$1.js$2");
}
