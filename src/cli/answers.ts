/** What the example prints: a question with the meanings found for it, and how to connect from elsewhere. */

export interface FoundMeaning {
  readonly score: number;
  readonly lemma: string;
  readonly gloss: string;
}

const GLOSS_INDENT = 26;
const LEMMA_COLUMNS = 14;
const LEAST_GLOSS_COLUMNS = 20;

/**
 *     a suitcase jammed with dirty clothes
 *       0.5321  bag           a portable rectangular container for carrying …
 */
export function formatAnswer(question: string, found: readonly FoundMeaning[], columns: number): string {
  const room = Math.max(LEAST_GLOSS_COLUMNS, columns - GLOSS_INDENT);
  const lines = found.map(({ score, lemma, gloss }) => {
    const word = shorten(lemma.replaceAll("_", " "), LEMMA_COLUMNS - 1).padEnd(LEMMA_COLUMNS);
    return `    ${score.toFixed(4).padStart(6)}  ${word}${shorten(gloss, room)}`;
  });
  return [`  "${question}"`, ...(lines.length > 0 ? lines : ["    nothing found"]), ""].join("\n");
}

function shorten(text: string, columns: number): string {
  const letters = [...text];
  return letters.length <= columns ? text : `${letters.slice(0, columns - 1).join("")}…`;
}

/** Programs that can be pasted: the same small question from Python and from Node. */
export function connectText(host: string, port: number, collection: string): string {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return `Elanus serves ${address} (gRPC). Connect from Python:

  from pymilvus import MilvusClient
  client = MilvusClient("http://${address}")
  rows = client.query("${collection}", filter='category == "noun.feeling"', output_fields=["lemma", "gloss"], limit=3)
  print(*rows, sep="\\n")

or from Node:

  import { MilvusClient } from "@zilliz/milvus2-sdk-node";
  const client = new MilvusClient({ address: "${address}" });
  const { data } = await client.query({
    collection_name: "${collection}", filter: 'category == "noun.feeling"', output_fields: ["lemma", "gloss"], limit: 3,
  });
  console.log(data);

Ctrl-C stops it.
`;
}
