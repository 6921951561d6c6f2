"""Configurations as MSE keeps those whose data id begins with cipher-kms-aes-256-: encrypted with a data key of their
own, which the KMS in alibaba_kms.py has encrypted."""

import base64
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


def sealed(kms, text):
    """(content, encrypted data key)"""
    key, padder = secrets.token_bytes(32), PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # which is what MSE does
    content = encryptor.update(padder.update(text.encode()) + padder.finalize()) + encryptor.finalize()
    return base64.b64encode(content).decode(), kms.encrypt(base64.b64encode(key).decode())
