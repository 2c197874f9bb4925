-- A shop, as somebody's existing SQLite database: see shop.py.

CREATE TABLE categories (
    id INTEGER PRIMARY KEY,
    name VARCHAR(60) NOT NULL,
    parent_id INTEGER REFERENCES categories (id)
);
CREATE TABLE products (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sku VARCHAR(20) NOT NULL UNIQUE,
    name TEXT NOT NULL,
    description TEXT,
    category_id INTEGER REFERENCES categories (id) ON DELETE SET NULL,
    price DECIMAL(10, 2) NOT NULL DEFAULT 0 CONSTRAINT products_price_not_negative CHECK (price >= 0),
    weight REAL,
    stock INTEGER,
    active BOOLEAN NOT NULL DEFAULT 1,
    created DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
    details JSON,
    price_with_tax GENERATED ALWAYS AS (price * 1.19) VIRTUAL
);
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE product_tags (
    product_id INTEGER NOT NULL REFERENCES products (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (product_id, tag_id)
) WITHOUT ROWID;
CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name VARCHAR(80) NOT NULL,
    email VARCHAR(120) UNIQUE,
    country CHAR(2),
    balance NUMERIC,
    vip BOOLEAN,
    created DATETIME NOT NULL
);
CREATE TABLE customer_profiles (
    customer_id INTEGER PRIMARY KEY REFERENCES customers (id) ON DELETE CASCADE,
    biography TEXT,
    birthday DATE,
    wakes_at TIME,
    photo BLOB
);
CREATE TABLE addresses (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    street TEXT NOT NULL,
    city TEXT
);
CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER REFERENCES customers (id),
    billing_address_id INTEGER REFERENCES addresses (id),
    shipping_address_id INTEGER REFERENCES addresses (id),
    placed DATETIME,
    status TEXT NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'sent', 'returned'))
);
CREATE TABLE order_lines (
    order_id INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    line_no INTEGER NOT NULL,
    product_id INTEGER NOT NULL REFERENCES products (id),
    quantity INTEGER NOT NULL CONSTRAINT order_lines_quantity_positive CHECK (quantity > 0),
    unit_price DECIMAL(10, 2) NOT NULL,
    discount REAL,
    PRIMARY KEY (order_id, line_no)
);
CREATE TABLE returns (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL,
    line_no INTEGER NOT NULL,
    reason TEXT,
    FOREIGN KEY (order_id, line_no) REFERENCES order_lines (order_id, line_no)
);
-- No key.
CREATE TABLE visits (seen DATETIME, path TEXT, customer_id INTEGER REFERENCES customers (id), milliseconds REAL);
CREATE TABLE vouchers (
    id CHAR(36) PRIMARY KEY NOT NULL,
    percent INTEGER NOT NULL CHECK (percent BETWEEN 1 AND 100),
    expires DATE
);
CREATE TABLE documents (path TEXT PRIMARY KEY NOT NULL, title TEXT, size BIGINT) WITHOUT ROWID;
CREATE TABLE places (
    hall TEXT NOT NULL,
    shelf TEXT NOT NULL,
    product_id INTEGER REFERENCES products (id),
    PRIMARY KEY (hall, shelf)
);
CREATE TABLE "group" (
    id INTEGER PRIMARY KEY,
    "order" INTEGER NOT NULL,
    "unit price" DECIMAL(10, 2),
    "select" TEXT,
    "from" INTEGER REFERENCES "group" (id)
);
CREATE TABLE "odd names" (
    "the key" INTEGER PRIMARY KEY,
    "with.dot" TEXT,
    "with/slash" TEXT,
    "with__underscores" TEXT,
    "with%percent" TEXT,
    "with""quote" TEXT,
    "żółć" TEXT,
    "page" INTEGER,
    "sort" TEXT,
    "metadata" TEXT,
    "registry" TEXT,
    "query" TEXT,
    "class" TEXT,
    "UPPER" TEXT
);
CREATE TABLE all_types (
    id INTEGER PRIMARY KEY,
    c_integer INTEGER,
    c_smallint SMALLINT,
    c_bigint BIGINT,
    c_real REAL,
    c_double DOUBLE PRECISION,
    c_float FLOAT,
    c_numeric NUMERIC,
    c_decimal DECIMAL(10, 2),
    c_text TEXT,
    c_clob CLOB,
    c_varchar VARCHAR(20),
    c_char CHAR(3),
    c_blob BLOB,
    c_boolean BOOLEAN,
    c_date DATE,
    c_time TIME,
    c_datetime DATETIME,
    c_timestamp TIMESTAMP,
    c_json JSON,
    c_untyped,
    c_generated TEXT GENERATED ALWAYS AS (c_text || '!') STORED
);
-- Values that Python's types cannot hold, or that do not have the type of their column.
CREATE TABLE extremes (
    id INTEGER PRIMARY KEY,
    c_integer INTEGER,
    c_real REAL,
    c_decimal DECIMAL(10, 2),
    c_boolean BOOLEAN,
    c_date DATE,
    c_time TIME,
    c_datetime DATETIME,
    c_text TEXT,
    c_json JSON
);
CREATE TABLE strict_types (id INTEGER PRIMARY KEY, n INT, x REAL, t TEXT, b BLOB, a ANY) STRICT;

-- The rows are inserted here.

CREATE INDEX order_lines_product ON order_lines (product_id);
CREATE INDEX orders_customer ON orders (customer_id, placed);
CREATE INDEX products_category ON products (category_id);
CREATE INDEX products_active ON products (name) WHERE active;
CREATE INDEX customers_lower_name ON customers (lower(name));

CREATE VIEW active_products AS SELECT id, sku, name, price FROM products WHERE active;
CREATE VIEW order_totals AS
    SELECT o.id AS order_id, o.customer_id, count(l.line_no) AS lines, sum(l.quantity * l.unit_price) AS total
    FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id GROUP BY o.id, o.customer_id;

CREATE VIRTUAL TABLE products_search USING fts5 (name, description, content = 'products', content_rowid = 'id');
INSERT INTO products_search (products_search) VALUES ('rebuild');
CREATE TRIGGER products_search_insert AFTER INSERT ON products BEGIN
    INSERT INTO products_search (rowid, name, description) VALUES (new.id, new.name, new.description);
END;
CREATE TRIGGER products_search_delete AFTER DELETE ON products BEGIN
    INSERT INTO products_search (products_search, rowid, name, description)
    VALUES ('delete', old.id, old.name, old.description);
END;
CREATE TRIGGER products_search_update AFTER UPDATE ON products BEGIN
    INSERT INTO products_search (products_search, rowid, name, description)
    VALUES ('delete', old.id, old.name, old.description);
    INSERT INTO products_search (rowid, name, description) VALUES (new.id, new.name, new.description);
END;
ANALYZE;
