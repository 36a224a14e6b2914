// SPDX-License-Identifier: GPL-2.0-only

import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Java's HttpClient, with the authorities of the system's trust store.
 *
 * load HOST prints the certificate's issuer, checksums, and whether an echo is right;
 * resume HOST prints the checksums of two connections of the same process.
 */
final class Web {
	private static HttpResponse<InputStream> get(HttpClient client, String host, String path)
			throws Exception {
		URI uri = URI.create("https://" + host + path);

		return client.send(HttpRequest.newBuilder(uri).build(),
				   HttpResponse.BodyHandlers.ofInputStream());
	}

	private static String digest(HttpResponse<InputStream> response) throws Exception {
		MessageDigest hash = MessageDigest.getInstance("SHA-256");

		try (InputStream body = new DigestInputStream(response.body(), hash)) {
			body.transferTo(OutputStream.nullOutputStream());
		}
		return HexFormat.of().formatHex(hash.digest());
	}

	private static String issuer(HttpResponse<?> response) throws Exception {
		X509Certificate certificate = (X509Certificate) response.sslSession().get()
			.getPeerCertificates()[0];

		return certificate.getIssuerX500Principal().getName().replace("CN=", "");
	}

	/** Collects one message, which may come in parts. */
	private static final class Message implements WebSocket.Listener {
		private final ByteBuffer got = ByteBuffer.allocate(1 << 16);
		private final CompletableFuture<byte[]> whole = new CompletableFuture<>();

		@Override
		public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer part,
						   boolean last) {
			got.put(part);
			if (last)
				whole.complete(Arrays.copyOf(got.array(), got.position()));
			socket.request(1);
			return null;
		}

		@Override
		public void onError(WebSocket socket, Throwable error) {
			whole.completeExceptionally(error);
		}
	}

	private static boolean echo(HttpClient client, String url) throws Exception {
		byte[] sent = new byte[60000];
		Message message = new Message();

		new Random().nextBytes(sent);
		WebSocket socket = client.newWebSocketBuilder()
			.buildAsync(URI.create(url), message).get();
		socket.sendBinary(ByteBuffer.wrap(sent), true).get();
		boolean same = Arrays.equals(sent, message.whole.get());
		socket.sendClose(WebSocket.NORMAL_CLOSURE, "").get();
		return same;
	}

	private static void load(String host) throws Exception {
		HttpClient client = HttpClient.newHttpClient();
		HttpResponse<InputStream> page = get(client, host, "/page.html");

		System.out.println("issuer " + issuer(page));
		System.out.println("version " + page.version());
		System.out.println("page " + digest(page));
		System.out.println("image " + digest(get(client, host, "/image-1.png")));
		System.out.println("download " + digest(get(client, host, "/download")));
		System.out.println("echo " + echo(client, "wss://" + host + ":447/"));
	}

	/* Two clients share no connection, but the sessions of the default context. */
	private static void resume(String host) throws Exception {
		for (int i = 0; i < 2; i++) {
			HttpClient client = HttpClient.newHttpClient();

			System.out.println("page " + digest(get(client, host, "/page.html")));
		}
	}

	public static void main(String[] args) throws Exception {
		if (args[0].equals("load"))
			load(args[1]);
		else
			resume(args[1]);
		/* Threads of the clients would keep the process. */
		System.exit(0);
	}
}
