/*
 * seal.c - see seal.h. A sealed secret: form (1), key id (8), nonce (12), ciphertext, tag (16). The
 * head and the identity are authenticated with it.
 */
#include "service/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/secret.h"
#include "service/log.h"

enum {
	FORM = 1,
	ID_LEN = 8,
	NONCE_LEN = 12,
	TAG_LEN = 16,
	HEAD_LEN = 1 + ID_LEN + NONCE_LEN,
	KEY_LEN = 32,
	MATERIAL_MIN = 32,
	MATERIAL_MAX = 4096,
};

/* In the order in which they are wanted for sealing. */
enum which { CREDENTIAL, FILE_BESIDE, KEYS };

struct key {
	bool there;
	uint8_t id[ID_LEN], bytes[KEY_LEN];
};

struct seal {
	char *folder;
	struct key keys[KEYS];
	bool unusable[KEYS]; /* its file is there, but no key is in it */
	char trouble[PATH_MAX + 128];
};

static int digest(const char *label, const uint8_t *bytes, size_t len, uint8_t ret[KEY_LEN])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		   EVP_DigestUpdate(ctx, label, strlen(label) + 1) == 1 &&
		   EVP_DigestUpdate(ctx, bytes, len) == 1 &&
		   EVP_DigestFinal_ex(ctx, ret, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	return good ? 0 : -ENOMEM;
}

/* The material is random: nothing has to be made slow. */
static int key_make(struct key *key, const uint8_t *material, size_t len)
{
	uint8_t id[KEY_LEN];
	int r = digest("iscsidsc store key", material, len, key->bytes);

	if (r == 0)
		r = digest("iscsidsc store key id", key->bytes, sizeof(key->bytes), id);
	if (r < 0)
		return r;
	memcpy(key->id, id, ID_LEN);
	key->there = true;
	return 0;
}

/* Reads up to `room` bytes. Returns their number or a negative errno. */
static ssize_t file_read(const char *path, uint8_t *ret, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t len = 0;
	ssize_t n = 1;

	if (fd < 0)
		return -errno;
	while (len < room && (n = read(fd, ret + len, room - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		n = -errno;
	close(fd);
	return n < 0 ? n : (ssize_t)len;
}

static void trouble_set(struct seal *seal, const char *path, const char *why)
{
	snprintf(seal->trouble, sizeof(seal->trouble), "no key can be read from %s: %s", path, why);
}

static int key_load(struct seal *seal, enum which which, const char *folder, const char *name)
{
	uint8_t material[MATERIAL_MAX + 1];
	char path[PATH_MAX];
	ssize_t len = -ENAMETOOLONG;
	int r = 0;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) < (int)sizeof(path))
		len = file_read(path, material, sizeof(material));
	if (len == -ENOENT)
		return 0;
	seal->unusable[which] = true;
	if (len < 0) {
		trouble_set(seal, path, strerror((int)-len));
	} else if (len < MATERIAL_MIN || len > MATERIAL_MAX) {
		trouble_set(seal, path, "it does not have 32 to 4096 bytes");
	} else {
		r = key_make(&seal->keys[which], material, (size_t)len);
		seal->unusable[which] = false;
	}
	secret_wipe(material, sizeof(material));
	return r;
}

int seal_open(const char *folder, const char *credentials, struct seal **ret)
{
	struct seal *seal = calloc(1, sizeof(*seal));
	int r = -ENOMEM;

	if (!seal)
		return r;
	seal->folder = strdup(folder);
	if (seal->folder)
		r = key_load(seal, FILE_BESIDE, folder, SEAL_FILE);
	if (r == 0 && credentials)
		r = key_load(seal, CREDENTIAL, credentials, SEAL_CREDENTIAL);
	if (r < 0) {
		seal_close(seal);
		return r;
	}
	*ret = seal;
	return 0;
}

void seal_close(struct seal *seal)
{
	if (!seal)
		return;
	free(seal->folder);
	secret_wipe(seal, sizeof(*seal));
	free(seal);
}

const char *seal_trouble(const struct seal *seal)
{
	return seal->trouble[0] ? seal->trouble : NULL;
}

bool seal_has_credential(const struct seal *seal)
{
	return seal->keys[CREDENTIAL].there;
}

/* A credential that is there but unusable must not quietly give way to the file. */
static const struct key *sealing_key(const struct seal *seal)
{
	for (int i = 0; i < KEYS; i++) {
		if (seal->unusable[i])
			return NULL;
		if (seal->keys[i].there)
			return &seal->keys[i];
	}
	return NULL;
}

static const struct key *opening_key(const struct seal *seal, const uint8_t *sealed, size_t len)
{
	if (len < SEAL_OVERHEAD || sealed[0] != FORM)
		return NULL;
	for (int i = 0; i < KEYS; i++)
		if (seal->keys[i].there && memcmp(seal->keys[i].id, sealed + 1, ID_LEN) == 0)
			return &seal->keys[i];
	return NULL;
}

bool seal_is_current(const struct seal *seal, const void *sealed, size_t len)
{
	const struct key *key = opening_key(seal, sealed, len);

	return key && key == sealing_key(seal);
}

/* ---- the file beside the store */

static int folder_sync(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int file_write(const char *path, const uint8_t *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), r = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, bytes, len);
	if (n != (ssize_t)len)
		r = n < 0 ? -errno : -ENOSPC;
	else if (fsync(fd) < 0)
		r = -errno;
	close(fd);
	return r;
}

/* Written under another name first: whoever finds the file finds the whole key. What a crash left
 * under that name sealed nothing yet. */
static int file_make(struct seal *seal)
{
	char path[PATH_MAX], draft[PATH_MAX];
	uint8_t material[KEY_LEN];
	int r;

	if (snprintf(path, sizeof(path), "%s/" SEAL_FILE, seal->folder) >= (int)sizeof(path) ||
	    snprintf(draft, sizeof(draft), "%s/" SEAL_FILE ".new", seal->folder) >=
		    (int)sizeof(draft))
		return -ENAMETOOLONG;
	if (RAND_bytes(material, sizeof(material)) != 1)
		return -EIO;
	unlink(draft);
	r = file_write(draft, material, sizeof(material));
	/* Unlike a rename it never replaces a key that came meanwhile. */
	if (r == 0 && link(draft, path) < 0)
		r = -errno;
	unlink(draft);
	if (r == 0)
		r = folder_sync(seal->folder);
	if (r == 0)
		r = key_make(&seal->keys[FILE_BESIDE], material, sizeof(material));
	if (r == 0)
		log_notice("a key for stored secrets was made in %s: a copy of the whole folder can open"
			   " them; iscsidscd(8) tells how to keep the key elsewhere", path);
	secret_wipe(material, sizeof(material));
	return r;
}

int seal_drop_file(struct seal *seal)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/" SEAL_FILE, seal->folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	secret_wipe(&seal->keys[FILE_BESIDE], sizeof(seal->keys[FILE_BESIDE]));
	return folder_sync(seal->folder);
}

/* ---- one secret */

/* Enters head and identity as what is authenticated but not encrypted. */
static bool enter_identity(EVP_CIPHER_CTX *ctx, const uint8_t *head, const char *identity)
{
	int n;

	return EVP_CipherUpdate(ctx, NULL, &n, head, HEAD_LEN) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)identity, (int)strlen(identity)) == 1;
}

static bool encrypt(EVP_CIPHER_CTX *ctx, const struct key *key, const char *identity,
		    const uint8_t *secret, int len, uint8_t *out)
{
	uint8_t *text = out + HEAD_LEN;
	int n;

	return EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, out + 1 + ID_LEN, 1) == 1 &&
	       enter_identity(ctx, out, identity) &&
	       EVP_CipherUpdate(ctx, text, &n, secret, len) == 1 &&
	       EVP_CipherFinal_ex(ctx, text + len, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, text + len) == 1;
}

static bool decrypt(EVP_CIPHER_CTX *ctx, const struct key *key, const char *identity,
		    const uint8_t *in, int len, uint8_t *secret)
{
	uint8_t tag[TAG_LEN];
	int n;

	memcpy(tag, in + HEAD_LEN + len, TAG_LEN);
	return EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, in + 1 + ID_LEN, 0) == 1 &&
	       enter_identity(ctx, in, identity) &&
	       EVP_CipherUpdate(ctx, secret, &n, in + HEAD_LEN, len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) == 1 &&
	       EVP_CipherFinal_ex(ctx, secret + len, &n) == 1;
}

int seal_put(struct seal *seal, const char *identity, const void *secret, size_t len, uint8_t *ret)
{
	EVP_CIPHER_CTX *ctx;
	const struct key *key;
	int r = 0;

	if (len > SEAL_SECRET_MAX)
		return -EMSGSIZE;
	if (!seal->trouble[0] && !sealing_key(seal))
		r = file_make(seal);
	if (r < 0)
		return r;
	key = sealing_key(seal);
	if (!key)
		return -ENOKEY;
	ret[0] = FORM;
	memcpy(ret + 1, key->id, ID_LEN);
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx || RAND_bytes(ret + 1 + ID_LEN, NONCE_LEN) != 1 ||
	    !encrypt(ctx, key, identity, secret, (int)len, ret))
		r = -ENOMEM;
	EVP_CIPHER_CTX_free(ctx);
	return r < 0 ? r : (int)len + SEAL_OVERHEAD;
}

int seal_get(const struct seal *seal, const char *identity, const void *sealed, size_t len,
	     void *ret, size_t room)
{
	const struct key *key = opening_key(seal, sealed, len);
	uint8_t secret[SEAL_SECRET_MAX];
	EVP_CIPHER_CTX *ctx;
	int r;

	if (!key)
		return len < SEAL_OVERHEAD ? -EBADMSG : -ENOKEY;
	len -= SEAL_OVERHEAD;
	if (len > room || len > sizeof(secret))
		return -EMSGSIZE;
	ctx = EVP_CIPHER_CTX_new();
	if (!ctx)
		return -ENOMEM;
	r = decrypt(ctx, key, identity, sealed, (int)len, secret) ? (int)len : -EBADMSG;
	EVP_CIPHER_CTX_free(ctx);
	if (r > 0)
		memcpy(ret, secret, len);
	secret_wipe(secret, sizeof(secret));
	return r;
}
